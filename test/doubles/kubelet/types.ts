import type { V1Container, V1Pod, V1Service } from '@kubernetes/client-node';

/** Objects as they come over the wire: the client's types, but with times as text. */
export type Wire<T> = T extends Date ? string : T extends object ? { [K in keyof T]: Wire<T[K]> } : T;
export type Pod = Wire<V1Pod>;
export type Service = Wire<V1Service>;
export type Container = Wire<V1Container>;

export type Log = (text: string) => void;
