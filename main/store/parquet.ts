/** A text as SQL takes it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** What is known of each reading that is selected as (series, time, value). */
export const withKeys = (readings: string): string =>
  `select r.series, r.time, r.value, metric, node, component, application, source from (${readings}) r join series on r.series = series.id`;

/** The columns of a file that others read: the time as they write it, then whose reading it is, and the value. */
export const columnsOf = (table: string): string =>
  `make_timestamp_ms(${table}.time) as time, ${['metric', 'node', 'component', 'application', 'source', 'value'].map((column) => `${table}.${column}`).join(', ')}`;
