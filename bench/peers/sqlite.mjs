// SQLite: rows of one transaction into a table that is its own index by tag and time.
import { createReadStream, readFileSync } from "node:fs";

export const name = "SQLite";
export const packageName = "better-sqlite3";

/** The rows of a CSV as arrays of numbers, some MB at a time. */
async function* columnsOf(path, tagNumbers) {
    let rest = "", isFirst = true;
    for await (const text of createReadStream(path, { encoding: "latin1", highWaterMark: 1 << 22 })) {
        const lines = (rest + text).split("\n");
        rest = lines.pop();
        if (isFirst) lines.shift();
        isFirst = false;
        const columns = { tag: new Uint32Array(lines.length), ts: new Float64Array(lines.length),
            value: new Float64Array(lines.length), quality: new Uint32Array(lines.length) };
        for (let i = 0; i < lines.length; i++) {
            const [tag, ts, value, quality] = lines[i].split(",");
            columns.tag[i] = tagNumbers.get(tag);
            columns.ts[i] = ts;
            columns.value[i] = value;
            columns.quality[i] = parseInt(quality || "0", 16);
        }
        yield columns;
    }
}

export async function open(require, directory, files) {
    const Database = require(packageName);
    const database = new Database(`${directory}/store.sqlite`);
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.pragma("cache_size = -262144");
    const batches = [];

    return {
        async version() {
            return database.prepare("SELECT sqlite_version()").pluck().get();
        },
        // Not measured: CSV becomes numbers in memory.
        async prepare() {
            const names = readFileSync(files.tags, "utf8").trim().split("\n").slice(1);
            const numbers = new Map(names.map((line, index) => [line.split(",")[0], index]));
            for await (const columns of columnsOf(files.values, numbers)) batches.push(columns);
            database.exec(`CREATE TABLE tags (tag INTEGER PRIMARY KEY);
                CREATE TABLE v (tag INTEGER, ts INTEGER, value REAL, quality INTEGER,
                    PRIMARY KEY (tag, ts)) WITHOUT ROWID`);
            const insert = database.prepare("INSERT INTO tags VALUES (?)");
            for (const number of numbers.values()) insert.run(number);
        },
        async load() {
            const insert = database.prepare("INSERT INTO v VALUES (?, ?, ?, ?)");
            database.exec("BEGIN");
            for (const { tag, ts, value, quality } of batches) {
                for (let i = 0; i < tag.length; i++) insert.run(tag[i], ts[i], value[i], quality[i]);
            }
            database.exec("COMMIT");
        },
        async settle() {
            batches.length = 0;
            database.pragma("wal_checkpoint(TRUNCATE)");
        },
        async ask(sql) {
            const rows = database.prepare(sql).raw().all();
            return [{ count: rows.length, get: (column, row) => rows[row][column] }];
        },
        async close() {
            database.close();
        },
        divide: (a, b) => `(${a}) / ${b}`,
        real: (x) => `(${x})`,
        latest: `SELECT (SELECT value FROM v WHERE v.tag = tags.tag ORDER BY ts DESC LIMIT 1)
            FROM tags`,
    };
}
