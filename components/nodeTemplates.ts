import * as proxmox from '@muhlba91/pulumi-proxmoxve';
import * as pulumi from '@pulumi/pulumi';
import * as talos from '@pulumiverse/talos';
import { stringify } from 'yaml';
import { describeImage, type TemplatePlan } from '../config/plan';
import type { StackConfig, Variant } from '../config/schema';
import type { VmGuards } from '../lifecycle/vmGuards';

export interface NodeTemplatesArgs {
  config: StackConfig;
  templates: TemplatePlan[];
  guards: VmGuards;
  proxmox: proxmox.Provider;
  talos: talos.Provider;
}

/** Schematic -> image on every host that needs it -> template VM (R003-1), for both filled release slots. */
export class NodeTemplates extends pulumi.ComponentResource {
  private readonly schematics = new Map<Variant, talos.imageFactory.Schematic>();
  private readonly images = new Map<string, proxmox.download.File>();
  private readonly templates = new Map<string, pulumi.Resource>();

  constructor(
    name: string,
    private readonly args: NodeTemplatesArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('prox-ops:template:NodeTemplates', name, {}, opts);
    for (const template of args.templates) this.templates.set(template.key, this.createTemplate(template));
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
    const schematic = new talos.imageFactory.Schematic(
      `schematic-${variant}`,
      { schematic: schematicText(this.args.config, variant) },
      {
        parent: this,
        provider: this.args.talos,
        // The engine keeps an id through an update, and the id is all that a schematic is.
        replaceOnChanges: ['schematic'],
      },
    );
    this.schematics.set(variant, schematic);
    return schematic;
  }

  /** Slots with the same Talos release share the image: a host's storage has a file of that name once. */
  private image(template: TemplatePlan): proxmox.download.File {
    const key = `${template.host}-${template.variant}-${template.release.talos}`;
    const image = this.images.get(key) ?? this.createImage(key, template);
    this.images.set(key, image);
    return image;
  }

  private createImage(key: string, { host, variant, release }: TemplatePlan): proxmox.download.File {
    const { config, guards } = this.args;
    const id = this.schematicId(variant);
    return new proxmox.download.File(
      `image-${key}`,
      {
        nodeName: host,
        datastoreId: config.proxmox.imageStorage,
        contentType: 'import',
        // Release and schematic make the image: another one never gets the same name.
        fileName: pulumi.interpolate`talos-${release.talos}-${id.apply((full) => full.slice(0, 12))}.raw`,
        // Uncompressed: Proxmox imports it as it is. The factory's .xz is none of the formats it can unpack.
        url: pulumi.interpolate`${config.talos.imageFactory}/image/${id}/${release.talos}/nocloud-amd64.raw`,
        // With true, a changed size at the factory would replace a file that templates still import from.
        overwrite: false,
      },
      { parent: this, provider: this.args.proxmox, hooks: guards.image },
    );
  }

  private createTemplate(template: TemplatePlan): proxmox.VmLegacy {
    const { config, guards } = this.args;
    // What a found template was made from is long gone.
    const image = template.found ? undefined : this.image(template);
    return new proxmox.VmLegacy(
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
        vga: { type: 'serial0' },
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
        replaceOnChanges: ['description', 'disks[0].importFrom', 'disks[0].datastoreId'],
        ignoreChanges: ['disks[0].speed', ...(template.found?.keep ?? [])],
        dependsOn: image ? [image] : [],
        hooks: guards.vm,
      },
    );
  }
}

/** Sorted, so that the order in the stack file does not make another schematic. */
function schematicText({ talos: { extensions, kernelArgs } }: StackConfig, variant: Variant): string {
  const officialExtensions = [...extensions[variant]].sort();
  // Their order is the operator's: of two arguments for the same thing, the kernel takes the later one.
  const extraKernelArgs = kernelArgs[variant] ?? [];
  return stringify({
    customization: { ...(extraKernelArgs.length > 0 && { extraKernelArgs }), systemExtensions: { officialExtensions } },
  });
}
