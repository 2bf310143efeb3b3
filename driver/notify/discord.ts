import type { Message } from './messages';

/** Discord's own limits; a longer one is refused as a whole. */
const TITLE = 256;
const TEXT = 4096;

const COLOURS: Record<Message['mood'], number> = { news: 0x3498db, good: 0x2ecc71, warning: 0xf39c12, bad: 0xe74c3c };

/** The body for a Discord webhook: one embed, its text as it is and nobody pinged by what a node's name holds. */
export function discordBody({ title, text, mood, at }: Message): object {
  const description = text === undefined ? {} : { description: block(text) };
  return {
    username: 'prox-ops',
    allowed_mentions: { parse: [] },
    embeds: [{ title: cut(title, TITLE), color: COLOURS[mood], timestamp: at, ...description }],
  };
}

/** A code block: markdown in an error text would be taken for formatting. */
function block(text: string): string {
  const fence = '```';
  return `${fence}\n${cut(text.replaceAll(fence, "'''"), TEXT - 2 * fence.length - 2)}\n${fence}`;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
