import type { AnalyzeDiagnostic, AnalyzeResponse } from '@pulumi/pulumi/proto/analyzer_pb';
import { Struct } from 'google-protobuf/google/protobuf/struct_pb';
import { promisify } from 'node:util';
import type { AnyPolicy } from '../../policies/pack';
import { mutated } from './policy-mutants';

/** A resource as the engine hands it to a policy pack. */
export interface Described {
  urn: string;
  type: string;
  name: string;
  props: Record<string, unknown>;
  parent?: string;
  protect?: boolean;
  deleteBeforeReplace?: boolean;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[]>;
}

export interface Violation {
  policy: string;
  level: 'mandatory' | 'advisory';
  message: string;
  urn: string;
}

export interface Judgement {
  violations: Violation[];
  /** What could not be judged: the SDK's notes on values that a preview does not know. */
  unjudged: string[];
}

/** What the engine sends for a value that is not known yet, by the kind of value. */
export const UNKNOWN = {
  text: '04da6b54-80e4-46f7-96ec-b56ff0331ba9',
  number: '3eeb2bf0-c639-47a8-9e75-3b44932eb421',
  list: '6a19a0b0-7e62-4c92-b797-7f8e31da9cc2',
  boolean: '1c4a061d-8072-4f0a-a4cb-0ff528b18fe7',
  object: 'dd056dcd-154b-4c76-9bd3-c8f88648b5ff',
};

/** A secret as the engine sends it. */
export function secret(value: unknown): object {
  return { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270', value };
}

type Rpc = (
  call: { request: unknown },
  callback: (error: Error | null | undefined, response: AnalyzeResponse) => void,
) => void;
type MakeRpc = (pack: string, version: string, level: string, policies: AnyPolicy[]) => Rpc;

/* eslint-disable @typescript-eslint/no-require-imports -- the SDK's own server: it decodes, unwraps and refuses to read unknowns */
const server = require('@pulumi/policy/server') as Record<
  'makeAnalyzeRpcFun' | 'makeAnalyzeStackRpcFun' | 'makeRemediateRpcFun',
  MakeRpc
>;
const proto = require('@pulumi/pulumi/proto/analyzer_pb') as typeof import('@pulumi/pulumi/proto/analyzer_pb');
/* eslint-enable @typescript-eslint/no-require-imports */

/** Has policies judge a stack as the engine does: remediation and policies for each resource in order, then the whole. */
export async function judge(
  policies: AnyPolicy[],
  resources: Described[],
  config: Record<string, object> = {},
): Promise<Judgement> {
  const configured = policies.map((policy) => withConfig(mutated(policy), config[policy.name] ?? {}));
  const ask = (make: MakeRpc, request: unknown) =>
    promisify(make('prox-ops', '0', 'mandatory', configured))({ request });
  const found: [AnalyzeDiagnostic, string][] = [];
  const properties = resources.map(struct);
  for (const [index, resource] of resources.entries()) {
    const described = request(resource, properties[index]);
    await ask(server.makeRemediateRpcFun, described);
    const response = await ask(server.makeAnalyzeRpcFun, described);
    found.push(...response.getDiagnosticsList().map((d) => [d, resource.urn] as [AnalyzeDiagnostic, string]));
  }
  const stack = new proto.AnalyzeStackRequest();
  stack.setResourcesList(resources.map((resource, index) => stackResource(resource, properties[index])));
  const response = await ask(server.makeAnalyzeStackRpcFun, stack);
  found.push(...response.getDiagnosticsList().map((d) => [d, d.getUrn()] as [AnalyzeDiagnostic, string]));
  return sorted(found);
}

function sorted(found: [AnalyzeDiagnostic, string][]): Judgement {
  const violations: Violation[] = [];
  const unjudged: string[] = [];
  for (const [diagnostic, urn] of found) {
    const message = diagnostic.getMessage();
    const policy = diagnostic.getPolicyname();
    if (message.startsWith("can't run policy")) unjudged.push(message);
    else
      violations.push({
        policy,
        level: diagnostic.getEnforcementlevel() === proto.EnforcementLevel.MANDATORY ? 'mandatory' : 'advisory',
        // The SDK puts the description in front.
        message: message.split('\n').slice(1).join('\n'),
        urn,
      });
  }
  return { violations, unjudged };
}

/** The SDK keeps a pack's configuration to itself: it is handed over in the arguments that it would hand over. */
function withConfig(policy: AnyPolicy, config: object): AnyPolicy {
  const getConfig = <T extends object>() => config as T;
  if ('validateStack' in policy)
    return { ...policy, validateStack: (args, report) => policy.validateStack({ ...args, getConfig }, report) };
  const validate = policy.validateResource;
  if (!validate || Array.isArray(validate)) return policy;
  const wrapped: typeof validate = (args, report) => validate({ ...args, getConfig }, report);
  return { ...policy, validateResource: Object.assign(wrapped, validate) };
}

function request(resource: Described, properties: Struct | undefined) {
  const message = new proto.AnalyzeRequest();
  message.setUrn(resource.urn);
  message.setType(resource.type);
  message.setName(resource.name);
  message.setProperties(properties);
  message.setOptions(options(resource));
  return message;
}

/** As JSON: a property without a value is none. */
function struct({ props }: Described): Struct {
  return Struct.fromJavaScript(JSON.parse(JSON.stringify(props)) as Parameters<typeof Struct.fromJavaScript>[0]);
}

function options({ protect, deleteBeforeReplace, parent }: Described) {
  const message = new proto.AnalyzerResourceOptions();
  message.setProtect(protect === true);
  message.setDeletebeforereplacedefined(deleteBeforeReplace !== undefined);
  message.setDeletebeforereplace(deleteBeforeReplace === true);
  if (parent !== undefined) message.setParent(parent);
  return message;
}

function stackResource(resource: Described, properties: Struct | undefined) {
  const message = new proto.AnalyzerResource();
  message.setUrn(resource.urn);
  message.setType(resource.type);
  message.setName(resource.name);
  message.setProperties(properties);
  message.setOptions(options(resource));
  message.setParent(resource.parent ?? '');
  message.setDependenciesList(resource.dependencies ?? []);
  for (const [property, urns] of Object.entries(resource.propertyDependencies ?? {})) {
    const dependencies = new proto.AnalyzerPropertyDependencies();
    dependencies.setUrnsList(urns);
    message.getPropertydependenciesMap().set(property, dependencies);
  }
  return message;
}
