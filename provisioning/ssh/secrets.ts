/** What a person or a keychain is asked for while connecting. */
export interface SecretRequest {
  kind: 'passphrase' | 'password' | 'sudo';
  /** Name of the host in the testbed. */
  host: string;
  user: string;
  /** Key file that the passphrase opens. */
  file?: string;
  /** 1 at first; more when the former answer was wrong. */
  attempt: number;
}

/** Gives the secret, or null when there is none to give. The answer is used at once and kept only in memory. */
export type AskSecret = (request: SecretRequest) => Promise<string | null>;
