/** Plural forms of a language, as Intl.PluralRules names them: English needs `one` and `other`, others more. */
export type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** "1 host", "4 hosts": the number as the language writes it, then the form that goes with it. */
export function counting(locale: string): (value: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale, { useGrouping: false });
  return (value, forms) => `${numbers.format(value)} ${forms[rules.select(value)] ?? forms.other}`;
}

/** The form alone, for sentences in which the number stands elsewhere: "is" and "are". */
export function choosing(locale: string): (value: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(locale);
  return (value, forms) => forms[rules.select(value)] ?? forms.other;
}
