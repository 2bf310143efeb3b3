import type { Field, Shape } from './body.js';

/** Bodies that the controller accepts (rest_v1_openapi.yaml 1.27.0). What the emulation can't do is not among them. */

const CHANGE: Record<string, Field> = {
  override_props: 'props',
  delete_props: 'strings',
  delete_namespaces: 'strings',
};

const SELECT_FILTER: Shape = {
  name: 'AutoSelectFilter',
  fields: {
    place_count: 'number',
    additional_place_count: 'number',
    node_name_list: 'strings',
    storage_pool: 'string',
    storage_pool_list: 'strings',
    not_place_with_rsc: 'strings',
    replicas_on_same: 'strings',
    replicas_on_different: 'strings',
    layer_stack: 'strings',
  },
};

const VOLUME_DEFINITION: Shape = {
  name: 'VolumeDefinition',
  fields: { volume_number: 'number', size_kib: 'number' },
  required: ['size_kib'],
};

export const NOTHING: Shape = { name: 'Void', fields: {} };

export const EVACUATE: Shape = { name: 'NodeEvacuate', fields: { target: 'strings', do_not_target: 'strings' } };

export const RESTORE: Shape = {
  name: 'NodeRestore',
  fields: { delete_resources: 'boolean', delete_snapshots: 'boolean' },
};

export const NODE: Shape = {
  name: 'Node',
  fields: {
    name: 'string',
    type: 'string',
    props: 'props',
    net_interfaces: [
      {
        name: 'NetInterface',
        fields: {
          name: 'string',
          address: 'string',
          satellite_port: 'number',
          satellite_encryption_type: 'string',
          is_active: 'boolean',
        },
      },
    ],
  },
  required: ['name'],
};

export const NODE_MODIFY: Shape = { name: 'NodeModify', fields: { ...CHANGE } };

export const DEFINITION: Shape = {
  name: 'ResourceDefinitionCreate',
  fields: {
    drbd_port: 'number',
    resource_definition: {
      name: 'ResourceDefinition',
      fields: {
        name: 'string',
        props: 'props',
        resource_group_name: 'string',
        layer_data: [{ name: 'ResourceDefinitionLayer', fields: { type: 'string', data: 'any' }, required: ['type'] }],
        volume_definitions: [VOLUME_DEFINITION],
      },
      required: ['name'],
    },
  },
  required: ['resource_definition'],
};

export const DEFINITION_MODIFY: Shape = {
  name: 'ResourceDefinitionModify',
  fields: { ...CHANGE, drbd_port: 'number', resource_group: 'string' },
};

export const VOLUME: Shape = {
  name: 'VolumeDefinitionCreate',
  fields: { volume_definition: VOLUME_DEFINITION },
  required: ['volume_definition'],
};

export const VOLUME_MODIFY: Shape = { name: 'VolumeDefinitionModify', fields: { size_kib: 'number' } };

export const RESOURCE: Shape = {
  name: 'ResourceCreate',
  fields: {
    resource: {
      name: 'Resource',
      fields: { name: 'string', node_name: 'string', flags: 'strings', props: 'props' },
    },
  },
};

export const AUTOPLACE: Shape = {
  name: 'AutoPlaceRequest',
  fields: { select_filter: SELECT_FILTER },
};

export const GROUP: Shape = {
  name: 'ResourceGroup',
  fields: { name: 'string', description: 'string', props: 'props', select_filter: SELECT_FILTER },
  required: ['name'],
};

export const GROUP_MODIFY: Shape = {
  name: 'ResourceGroupModify',
  fields: { ...CHANGE, description: 'string', select_filter: SELECT_FILTER },
};

export const VOLUME_GROUP: Shape = { name: 'VolumeGroup', fields: { volume_number: 'number' } };

export const SPAWN: Shape = {
  name: 'ResourceGroupSpawn',
  fields: {
    resource_definition_name: 'string',
    volume_sizes: 'numbers',
    select_filter: SELECT_FILTER,
    partial: 'boolean',
    definitions_only: 'boolean',
    resource_definition_props: 'props',
  },
  required: ['resource_definition_name'],
};

export const ADJUST: Shape = { name: 'ResourceGroupAdjust', fields: { select_filter: SELECT_FILTER } };

export const PROPERTIES: Shape = { name: 'ControllerPropsModify', fields: { ...CHANGE } };
