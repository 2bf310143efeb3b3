/** Keys of the stack file that hold a secret, as `pulumi config set --secret` writes it, with what each is. */
export const SECRET_KEYS = {
  proxmoxToken: 'API token of Proxmox, USER@REALM!ID=UUID.',
  discordWebhook: 'Address of the Discord webhook that the messages of a run go to.',
  webhook: 'Address that the messages of a run are posted to as JSON.',
} as const;
