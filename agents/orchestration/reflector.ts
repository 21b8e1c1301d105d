import { type KubeConfig, type KubernetesObject, Watch } from '@kubernetes/client-node';
import type { Log } from '../config.ts';
import { errorText } from './kubernetes-errors.ts';

export interface ListOf<T> {
  items: T[];
  metadata?: { resourceVersion?: string };
}

const retry = { firstMs: 250, mostMs: 10_000 } as const;
/** The server ends a watch after so long, so that a half-open connection is found out. */
const watchSeconds = 240;

/**
 * A local copy of one kind of object: lists, then watches from there; lists again when the watch is too old (410), ends in an error, or the
 * connection breaks. Keeps trying for ever, less and less often.
 */
export class Reflector<T extends KubernetesObject> {
  readonly #watch: Watch;
  readonly #path: string;
  readonly #query: Record<string, string>;
  readonly #list: () => Promise<ListOf<T>>;
  readonly #onChange: () => void;
  readonly #log: Log;
  #items = new Map<string, T>();
  /** The same as an array, made once after each change. */
  #array: readonly T[] | undefined;
  #isRead = false;
  #stopped = false;
  #controller: AbortController | undefined;
  #wake: (() => void) | undefined;

  constructor(options: {
    kubeConfig: KubeConfig;
    /** Path of the collection, e.g. /api/v1/nodes. */
    path: string;
    query?: Record<string, string>;
    list: () => Promise<ListOf<T>>;
    onChange: () => void;
    log: Log;
  }) {
    this.#watch = new Watch(options.kubeConfig);
    this.#path = options.path;
    this.#query = options.query ?? {};
    this.#list = options.list;
    this.#onChange = options.onChange;
    this.#log = options.log;
  }

  /** Whether the first list has come. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** The same array until something changes. */
  get items(): readonly T[] {
    this.#array ??= [...this.#items.values()];
    return this.#array;
  }

  /** Resolves when the first list is there (never, while there is no API; `stop` ends it). */
  start(): Promise<void> {
    return new Promise((resolve) => void this.#run(resolve));
  }

  stop(): void {
    this.#stopped = true;
    this.#controller?.abort();
    this.#wake?.();
  }

  #changed(): void {
    this.#array = undefined;
    this.#onChange();
  }

  async #run(onFirst: () => void): Promise<void> {
    let delayMs: number = retry.firstMs;
    let told = false;
    while (!this.#stopped) {
      try {
        const list = await this.#list();
        if (this.#stopped) break;
        this.#items = new Map(list.items.map((item) => [keyOf(item), item]));
        this.#isRead = true;
        this.#changed();
        onFirst();
        if (told) this.#log('info', `${this.#path} can be read again`);
        told = false;
        delayMs = retry.firstMs;
        await this.#follow(list.metadata?.resourceVersion ?? '');
      } catch (error) {
        if (this.#stopped) break;
        if (!told) this.#log('warn', `${this.#path} cannot be read: ${errorText(error)}; trying again`);
        told = true;
        await this.#pause(delayMs);
        delayMs = Math.min(delayMs * 2, retry.mostMs);
      }
    }
    onFirst();
  }

  /** Watches from `version` on; returns when it is time to list again. @throws when the connection could not be made. */
  async #follow(version: string): Promise<void> {
    let from = version;
    while (!this.#stopped) {
      const startedAt = Date.now();
      let expired = false;
      let failure: unknown;
      await new Promise<void>((resolve) => {
        const query = { ...this.#query, resourceVersion: from, allowWatchBookmarks: true, timeoutSeconds: watchSeconds };
        const receive = (phase: string, object: T): void => {
          if (phase === 'ERROR') {
            expired = true;
            return;
          }
          from = object.metadata?.resourceVersion ?? from;
          if (phase === 'BOOKMARK') return;
          if (phase === 'DELETED') this.#items.delete(keyOf(object));
          else this.#items.set(keyOf(object), object);
          this.#changed();
        };
        this.#watch
          .watch(this.#path, query, receive, (error: unknown) => {
            failure = error;
            resolve();
          })
          .then(
            (controller) => {
              this.#controller = controller;
              if (this.#stopped) controller.abort();
            },
            (error: unknown) => {
              failure = error;
              resolve();
            },
          );
      });
      if (this.#stopped) return;
      // However it ended: a server that ends watches at once must not be asked in a tight loop.
      if (Date.now() - startedAt < 1000) await this.#pause(retry.firstMs);
      // 410: what we have is too old to go on from. Any other failure: the list will say whether the API is there.
      if (expired || failure) return;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const keyOf = (object: KubernetesObject): string => `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;
