import * as proxmox from '@muhlba91/pulumi-proxmoxve';
import * as pulumi from '@pulumi/pulumi';
import * as talos from '@pulumiverse/talos';
import { stringify } from 'yaml';
import { describeImage, type TemplatePlan } from '../config/plan';
import type { StackConfig, Variant } from '../config/schema';

export interface NodeTemplatesArgs {
  config: StackConfig;
  templates: TemplatePlan[];
  proxmox: proxmox.Provider;
  talos: talos.Provider;
}

/** Schematic -> image on every host that needs it -> template VM (R003-1), for both filled release slots. */
export class NodeTemplates extends pulumi.ComponentResource {
  private readonly schematics = new Map<Variant, talos.imageFactory.Schematic>();
  private readonly templates = new Map<string, pulumi.Resource>();

  constructor(
    name: string,
    private readonly args: NodeTemplatesArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:template:NodeTemplates', name, {}, opts);
    for (const template of args.templates)
      this.createTemplate(template, template.found ? undefined : this.createImage(template));
    this.registerOutputs({});
  }

  /** Schematic id of a variant. */
  schematicId(variant: Variant): pulumi.Output<string> {
    return this.schematic(variant).id;
  }

  /** The template VM, to be depended on: a node is cloned from it by its fixed id. */
  template(key: string): pulumi.Resource {
    const template = this.templates.get(key);
    if (!template) throw new Error(`no template ${key} is planned`);
    return template;
  }

  /** Extensions depend on the variant alone, so both release slots share a schematic. */
  private schematic(variant: Variant): talos.imageFactory.Schematic {
    const known = this.schematics.get(variant);
    if (known) return known;
    const officialExtensions = [...this.args.config.talos.extensions[variant]].sort();
    const schematic = new talos.imageFactory.Schematic(
      `schematic-${variant}`,
      { schematic: stringify({ customization: { systemExtensions: { officialExtensions } } }) },
      { parent: this, provider: this.args.talos },
    );
    this.schematics.set(variant, schematic);
    return schematic;
  }

  private createImage(template: TemplatePlan): proxmox.download.File {
    const { config } = this.args;
    const version = template.release.talos;
    const id = this.schematicId(template.variant);
    return new proxmox.download.File(
      `image-${template.key}`,
      {
        nodeName: template.host,
        datastoreId: config.proxmox.imageStorage,
        contentType: 'import',
        fileName: pulumi.interpolate`talos-${version}-${id.apply((full) => full.slice(0, 12))}.raw`,
        url: pulumi.interpolate`${config.talos.imageFactory}/image/${id}/${version}/nocloud-amd64.raw`,
        // With true, a changed size at the factory would replace a file that templates still import from.
        overwrite: false,
      },
      // A host that is offline during a refresh drops its file from the state; the file itself is still there.
      { parent: this, provider: this.args.proxmox, retainOnDelete: false },
    );
  }

  /** @param image absent for a template that was found: what it was made from is long gone. */
  private createTemplate(template: TemplatePlan, image: proxmox.download.File | undefined): void {
    const { config } = this.args;
    const resource = new proxmox.VmLegacy(
      `template-${template.key}`,
      {
        vmId: template.vmId,
        nodeName: template.host,
        name: template.name,
        description: this.schematicId(template.variant).apply((id) => describeImage(template.release.talos, id)),
        tags: ['prox-ops', 'template'],
        template: true,
        started: false,
        onBoot: false,
        machine: 'q35',
        scsiHardware: 'virtio-scsi-single',
        bootOrders: ['scsi0'],
        cpu: { cores: 2, type: config.proxmox.cpuType },
        memory: { dedicated: 2048 },
        operatingSystem: { type: 'l26' },
        serialDevices: [{ device: 'socket' }],
        networkDevices: [{ bridge: config.proxmox.bridge }],
        // Without this the provider takes the empty drive for a datastore when it clones across hosts.
        cdrom: { fileId: 'none', interface: 'ide3' },
        disks: [
          {
            interface: 'scsi0',
            datastoreId: config.proxmox.storage,
            size: 10,
            ...(image && { importFrom: image.id }),
          },
        ],
      },
      {
        parent: this,
        provider: this.args.proxmox,
        deleteBeforeReplace: true,
        // The provider would "update" a template to another image and keep the old one: the description names the image.
        replaceOnChanges: ['description'],
        ignoreChanges: ['disks[0].speed', ...(template.found?.keep ?? [])],
        dependsOn: image ? [image] : [],
      },
    );
    this.templates.set(template.key, resource);
  }
}
