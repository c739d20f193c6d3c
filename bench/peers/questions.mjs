// The questions of engine/shell/bench_questions.c, in SQL. A peer says how it writes what differs:
//
//   divide(a, b)   whole numbers, rounded down
//   real(x)        as a double, so that every answer comes as one
//   latest         a statement that gives the latest value of each tag
//
// Table v: tag (index from 0), ts (milliseconds), value, quality. An answer is a number that whoever
// is right finds too, and how many rows there were: peers.mjs compares them with Bede's.

const MINUTE = 60_000;

const sumOf = (column) => (batches) => {
    let number = 0, rows = 0;
    for (const { count, get } of batches) {
        for (let row = 0; row < count; row++) number += get(column, row);
        rows += count;
    }
    return { number, rows };
};

const sumOfAll = (width) => (batches) => {
    let number = 0, rows = 0;
    for (const { count, get } of batches) {
        for (let row = 0; row < count; row++) {
            for (let column = 0; column < width; column++) number += get(column, row);
        }
        rows += count;
    }
    return { number, rows };
};

// One row: the sum, and how many.
const asGiven = ([{ get }]) => ({ number: get(0, 0), rows: get(1, 0) });

/** range: from and to in nanoseconds (BigInt), as bench_run.c has them. */
export function questions(workload, { divide, real, latest }, { from, to }) {
    const tag = workload === "plant" ? 1 : 0;
    const width = (to - from + 1199n) / 1200n;
    const fromMs = from / 1_000_000n;
    const minutes = `SELECT ${real("avg(value)")} FROM v WHERE tag = ${tag}
        GROUP BY ${divide("ts", MINUTE)}`;
    const sum = ["sum", `SELECT ${real("sum(value)")}, ${real("count(*)")} FROM v`, asGiven];
    const above = ["sum_above", `SELECT ${real("sum(value)")}, ${real("count(*)")} FROM v
        WHERE value > 50`, asGiven];
    const trend = ["trend", `SELECT ${real("min(value)")}, ${real("max(value)")} FROM v
        WHERE tag = ${tag} GROUP BY ${divide(`((ts - ${fromMs}) * 1000000)`, width)}`, sumOfAll(2)];
    const of = {
        plant: [
            ["raw_range", `SELECT ${real("ts")}, ${real("value")} FROM v WHERE tag = ${tag}
                ORDER BY ts`, sumOf(1)],
            ["minutes_of_tag", minutes, sumOf(0)],
            ["ten_minutes", `SELECT ${real("min(value)")}, ${real("max(value)")},
                ${real("avg(value)")} FROM v WHERE tag < 100
                GROUP BY tag, ${divide("ts", 10 * MINUTE)}`, sumOfAll(3)],
            ["latest", latest, sumOf(0)],
            sum, above, trend,
        ],
        single: [
            ["minutes_of_all", minutes, sumOf(0)],
            ["raw_rows", `SELECT ${real("ts")}, ${real("value")} FROM v WHERE tag = ${tag}
                AND ts < ${fromMs + 50_000_000n} ORDER BY ts`, sumOf(1)],
            sum, above, trend,
        ],
    };
    return of[workload].map(([key, sql, fold]) => ({ key, sql, fold }));
}
