import type { FailureValue } from './events.ts';

/** The one error of provisioning: thrown once, with the whole sentence a person needs. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly value: FailureValue;
  constructor(value: Omit<FailureValue, 'message'> & { message?: string }, options?: ErrorOptions) {
    const message = value.message ?? sentence(value);
    super(message, options);
    this.value = { ...value, message };
  }
}

function sentence(value: Omit<FailureValue, 'message'>): string {
  const where = [value.host, value.phase].filter(Boolean).join(', ');
  const what = value.step ? `${value.step}: ${value.cause}` : value.cause;
  return `${where ? `${where}: ` : ''}${what}${value.remedy ? `. ${value.remedy}` : ''}`;
}
