import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Comment {
  id: number;
  body: string;
  user: { login: string; type: string };
}

interface Issue {
  number: number;
  title: string;
  body: string;
  state: 'open' | 'closed';
  state_reason: string | null;
  labels: { name: string }[];
  /** Of pull requests alone: GitHub lists them as issues. */
  pull_request?: { url: string };
}

type Permission = 'pull-requests' | 'issues';

/** GitHub takes no longer text, in characters. */
const LONGEST = 65_536;
const TOKEN = 'ghs_emulatedtokenofajob0123456789';

/**
 * GitHub's REST API, as far as a job of ours asks it: comments and issues of one repository. It pages, lists pull requests
 * as issues, strips white space around a text, refuses long texts (422), other tokens (401), what a token may not do (403)
 * and, unlike most servers, answers 404 for a private repository that a token may not see.
 */
export class GitHub {
  readonly token = TOKEN;
  readonly repository = 'example/cluster';
  readonly comments = new Map<number, Comment[]>();
  readonly issues: Issue[] = [];
  /** `POST /repos/...` of every request that was to change something. */
  readonly writes: string[] = [];
  permissions: Permission[] = ['pull-requests', 'issues'];
  private readonly server: Server;
  private last = 1000;

  private constructor() {
    this.server = createServer((request, response) => {
      this.serve(request, response).catch((error: unknown) => {
        send(response, 500, { message: String(error) });
      });
    });
  }

  static async start(): Promise<GitHub> {
    const github = new GitHub();
    await new Promise<void>((resolve) => github.server.listen(0, '127.0.0.1', resolve));
    return github;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    // A second time it is closed already.
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The variables that a job has, its token among them. */
  environment(): Record<string, string> {
    return {
      GITHUB_API_URL: this.url,
      GITHUB_SERVER_URL: 'https://github.example',
      GITHUB_REPOSITORY: this.repository,
      GITHUB_RUN_ID: '77',
      GITHUB_TOKEN: this.token,
    };
  }

  /** A pull request, which is an issue as well. */
  addPullRequest(number: number, labels: string[] = []): void {
    const pull_request = { url: `${this.url}/repos/${this.repository}/pulls/${number}` };
    this.issues.push({ ...issue(number, 'A change', '', labels), pull_request });
    this.comments.set(number, []);
  }

  addComment(number: number, body: string, login = 'someone'): number {
    const id = this.next();
    this.comments.get(number)?.push({ id, body, user: { login, type: 'User' } });
    return id;
  }

  addIssue(title: string, body: string, labels: string[]): number {
    const number = this.next();
    this.issues.push(issue(number, title, body, labels));
    this.comments.set(number, []);
    return number;
  }

  open(): Issue[] {
    return this.issues.filter(({ state, pull_request }) => state === 'open' && !pull_request);
  }

  private next(): number {
    this.last += 1;
    return this.last;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', headers } = request;
    const url = new URL(request.url ?? '', this.url);
    const text = await body(request);
    if (headers.authorization !== `token ${TOKEN}` && headers.authorization !== `bearer ${TOKEN}`)
      return send(response, 401, { message: 'Bad credentials', documentation_url: 'https://docs.github.com/rest' });
    const path = url.pathname.split('/').slice(1).map(decodeURIComponent);
    if (path.slice(0, 3).join('/') !== `repos/${this.repository}`) return notFound(response);
    const [what, number, inner] = path.slice(3);
    if (what !== 'issues') return notFound(response);
    if (method !== 'GET') this.writes.push(`${method} ${url.pathname}`);
    const sent = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    if (number === undefined) return method === 'GET' ? this.list(url, response) : this.create(sent, response);
    if (number === 'comments') return this.changeComment(Number(inner), sent, response);
    const found = this.issues.find((candidate) => candidate.number === Number(number));
    if (!found) return notFound(response);
    if (inner !== 'comments') return this.change(found, sent, response);
    return method === 'GET' ? this.listComments(found, url, response) : this.comment(found, sent, response);
  }

  private list(url: URL, response: ServerResponse): void {
    const { searchParams } = url;
    const wanted = (searchParams.get('labels') ?? '').split(',').filter((label) => label !== '');
    const state = searchParams.get('state') ?? 'open';
    const found = this.issues.filter(
      ({ labels, state: now }) =>
        (state === 'all' || now === state) && wanted.every((label) => labels.some(({ name }) => name === label)),
    );
    // Newest first, as GitHub sorts when nothing else is asked for.
    this.page(found.reverse(), url, response);
  }

  private create(sent: Record<string, unknown>, response: ServerResponse): void {
    if (!this.may('issues', response) || tooLong(sent, response)) return;
    const labels = (sent['labels'] as string[] | undefined) ?? [];
    const number = this.addIssue(String(sent['title']), String(sent['body']).trim(), labels);
    send(
      response,
      201,
      this.issues.find((created) => created.number === number),
    );
  }

  private change(found: Issue, sent: Record<string, unknown>, response: ServerResponse): void {
    if (!this.may('issues', response) || tooLong(sent, response)) return;
    const { body: text, ...rest } = sent;
    Object.assign(found, rest, typeof text === 'string' && { body: text.trim() });
    send(response, 200, found);
  }

  private listComments(found: Issue, url: URL, response: ServerResponse): void {
    this.page(this.comments.get(found.number) ?? [], url, response);
  }

  private comment(found: Issue, sent: Record<string, unknown>, response: ServerResponse): void {
    if (!this.may(found.pull_request ? 'pull-requests' : 'issues', response) || tooLong(sent, response)) return;
    const user = { login: 'github-actions[bot]', type: 'Bot' };
    const made = { id: this.next(), body: String(sent['body']).trim(), user };
    this.comments.get(found.number)?.push(made);
    send(response, 201, made);
  }

  private changeComment(id: number, sent: Record<string, unknown>, response: ServerResponse): void {
    const found = [...this.comments.values()].flat().find((comment) => comment.id === id);
    if (!found) return notFound(response);
    if (!this.may('pull-requests', response) || tooLong(sent, response)) return;
    found.body = String(sent['body']).trim();
    send(response, 200, found);
  }

  private may(permission: Permission, response: ServerResponse): boolean {
    if (this.permissions.includes(permission)) return true;
    send(response, 403, { message: 'Resource not accessible by integration' });
    return false;
  }

  private page(all: unknown[], url: URL, response: ServerResponse): void {
    const size = Math.min(Number(url.searchParams.get('per_page') ?? 30), 100);
    const page = Number(url.searchParams.get('page') ?? 1);
    const end = page * size;
    if (end < all.length) {
      const next = new URL(url);
      next.searchParams.set('page', String(page + 1));
      response.setHeader('Link', `<${next.href}>; rel="next"`);
    }
    send(response, 200, all.slice(end - size, end));
  }
}

function issue(number: number, title: string, text: string, labels: string[]): Issue {
  return { number, title, body: text, state: 'open', state_reason: null, labels: labels.map((name) => ({ name })) };
}

function tooLong(sent: Record<string, unknown>, response: ServerResponse): boolean {
  if (typeof sent['body'] !== 'string' || sent['body'].length <= LONGEST) return false;
  const message = `body is too long (maximum is ${LONGEST} characters)`;
  send(response, 422, { message: 'Validation Failed', errors: [{ resource: 'IssueComment', field: 'data', message }] });
  return true;
}

function notFound(response: ServerResponse): void {
  send(response, 404, { message: 'Not Found', documentation_url: 'https://docs.github.com/rest' });
}

function send(response: ServerResponse, status: number, answer: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(answer));
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
