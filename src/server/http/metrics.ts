const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Counts for Prometheus. Labels are routes and codes only: never a name, a document or an address. */
export interface Metrics {
  request(method: string, route: string, status: number, seconds: number): void;
  failure(isLimited: boolean): void;
  /** The text format of Prometheus, version 0.0.4. */
  format(): string;
}

/** Fresh counts; `store` is the kind of store that serves. */
export function createMetrics(store: string): Metrics {
  const requests = new Map<string, number>();
  const buckets = BUCKETS_SECONDS.map(() => 0);
  const total = { count: 0, seconds: 0 };
  const failures = { wrong: 0, limited: 0 };
  const started = Date.now() / 1000;

  return {
    request(method, route, status, seconds) {
      const labels = `method="${method}",route="${route}",status="${status}"`;
      requests.set(labels, (requests.get(labels) ?? 0) + 1);
      total.count += 1;
      total.seconds += seconds;
      const bucket = BUCKETS_SECONDS.findIndex((limit) => seconds <= limit);
      if (bucket >= 0) buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    },
    failure(isLimited) {
      failures[isLimited ? "limited" : "wrong"] += 1;
    },
    format() {
      let sum = 0;
      const cumulated = BUCKETS_SECONDS.map((limit, index) => {
        sum += buckets[index] ?? 0;
        return `kosync_request_duration_seconds_bucket{le="${limit}"} ${sum}`;
      });
      const lines = [
        "# HELP kosync_requests_total Requests answered.",
        "# TYPE kosync_requests_total counter",
        ...[...requests].map(([labels, count]) => `kosync_requests_total{${labels}} ${count}`),
        "# HELP kosync_request_duration_seconds Time from the head of a request to the end of its answer.",
        "# TYPE kosync_request_duration_seconds histogram",
        ...cumulated,
        `kosync_request_duration_seconds_bucket{le="+Inf"} ${total.count}`,
        `kosync_request_duration_seconds_sum ${total.seconds}`,
        `kosync_request_duration_seconds_count ${total.count}`,
        "# HELP kosync_refused_keys_total Requests with a wrong name or key.",
        "# TYPE kosync_refused_keys_total counter",
        `kosync_refused_keys_total{limited="false"} ${failures.wrong}`,
        `kosync_refused_keys_total{limited="true"} ${failures.limited}`,
        "# HELP kosync_store_info The kind of store that serves.",
        "# TYPE kosync_store_info gauge",
        `kosync_store_info{kind="${store}"} 1`,
        "# HELP process_resident_memory_bytes Resident memory in bytes.",
        "# TYPE process_resident_memory_bytes gauge",
        `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
        "# HELP process_start_time_seconds Start of the server, in seconds of the Unix epoch.",
        "# TYPE process_start_time_seconds gauge",
        `process_start_time_seconds ${started}`,
      ];
      return `${lines.join("\n")}\n`;
    },
  };
}
