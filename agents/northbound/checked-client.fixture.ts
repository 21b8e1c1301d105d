import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020.js';

interface Operation {
  operationId: string;
  responses: Record<string, unknown>;
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
}

export interface Given {
  body?: unknown;
  type?: string;
  token?: string;
  headers?: Record<string, string>;
}

/** Asks a server, and holds each answer against the OpenAPI document that the server gave itself. */
export class CheckedClient {
  readonly #url: string;
  readonly #token: string;
  readonly #document: Document;
  readonly #ajv: Ajv2020;
  /** Operations that have answered with success. */
  readonly succeeded = new Set<string>();

  private constructor(url: string, token: string, document: Document) {
    this.#url = url;
    this.#token = token;
    this.#document = document;
    this.#ajv = new Ajv2020({ strict: true, strictTypes: false, strictTuples: false, validateFormats: false, allErrors: true });
    this.#ajv.addVocabulary(['openapi', 'info', 'servers', 'security', 'tags', 'paths', 'components']);
    this.#ajv.addSchema(document, 'api');
  }

  static async open(url: string, token: string): Promise<CheckedClient> {
    const response = await fetch(`${url}/openapi.json`);
    return new CheckedClient(url, token, (await response.json()) as Document);
  }

  get document(): Document {
    return this.#document;
  }

  /** Status and body. @throws Error when the answer is not what the document says */
  async call(method: string, path: string, given: Given = {}): Promise<[number, unknown]> {
    const { body, token = this.#token, headers = {} } = given;
    const isText = typeof body === 'string' || body instanceof Uint8Array;
    const type = given.type ?? (isText ? 'application/yaml' : 'application/json');
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': type }), ...headers },
      body: body === undefined ? undefined : isText ? (body as string) : JSON.stringify(body),
    });
    const answer: unknown = await response.json();
    this.#check(method, path, response.status, answer);
    return [response.status, answer];
  }

  #check(method: string, path: string, status: number, answer: unknown): void {
    const found = this.#operation(method, path);
    // What no operation is meant by has the failure's form alone.
    const pointer = found
      ? `/paths/${escaped(found.template)}/${method.toLowerCase()}/responses/${status}/content/application~1json/schema`
      : '/components/schemas/Failure';
    if (found && !found.operation.responses[status])
      throw new Error(`${method} ${path} answered ${status}, which its document does not have: ${JSON.stringify(answer)}`);
    const validate = this.#ajv.getSchema(`api#${encodeURI(pointer)}`) as ValidateFunction | undefined;
    if (!validate) throw new Error(`the document has no ${pointer}`);
    if (!validate(answer))
      throw new Error(
        `${method} ${path} ${status}: ${this.#ajv.errorsText(validate.errors)}: ${JSON.stringify(answer).slice(0, 500)}`,
      );
    if (found && status === 200) this.succeeded.add(found.operation.operationId);
  }

  #operation(method: string, path: string): { template: string; operation: Operation } | undefined {
    const given = path.split('?')[0]!.replace(/\/+$/, '').split('/');
    for (const [template, operations] of Object.entries(this.#document.paths)) {
      const parts = template.split('/');
      const operation = operations[method.toLowerCase()];
      if (
        operation &&
        parts.length === given.length &&
        parts.every((part, index) => part.startsWith('{') || part === given[index])
      )
        return { template, operation };
    }
    return undefined;
  }
}

const escaped = (pointer: string): string => pointer.replaceAll('~', '~0').replaceAll('/', '~1');
