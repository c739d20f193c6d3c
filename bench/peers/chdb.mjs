// chDB (ClickHouse in the process): from its Native format into a MergeTree ordered by tag and time.
import { rm } from "node:fs/promises";

export const name = "chDB";
export const packageName = "chdb";

export async function open(require, directory, files) {
    const { Session } = require(packageName);
    const session = new Session(`${directory}/store`);
    const native = `${directory}/values.native`;
    const run = (sql) => session.query(sql, "CSV");

    return {
        async version() {
            return run("SELECT version()").trim().replaceAll('"', "");
        },
        // Not measured: CSV becomes what it loads fastest.
        async prepare() {
            run(`INSERT INTO FUNCTION file('${native}', 'Native',
                    'tag UInt32, ts Int64, value Float64, quality UInt32')
                SELECT t.tag, ts, value,
                    reinterpretAsUInt32(reverse(unhex(quality))) AS quality
                FROM file('${files.values}', 'CSVWithNames',
                    'tag String, ts Int64, value Float64, quality String') s
                JOIN (SELECT toUInt32(rowNumberInAllBlocks()) AS tag, name
                      FROM file('${files.tags}', 'CSVWithNames', 'name String, type String, step UInt8')
                      SETTINGS max_threads = 1) t ON t.name = s.tag`);
            run("CREATE DATABASE IF NOT EXISTS bench");
            run(`CREATE TABLE bench.v (tag UInt32 CODEC(ZSTD), ts Int64 CODEC(DoubleDelta, ZSTD),
                value Float64 CODEC(ZSTD), quality UInt32 CODEC(ZSTD))
                ENGINE = MergeTree ORDER BY (tag, ts)`);
            run("USE bench");
        },
        async load() {
            run(`INSERT INTO v SELECT * FROM file('${native}', 'Native',
                'tag UInt32, ts Int64, value Float64, quality UInt32')`);
        },
        async settle() {
            run("OPTIMIZE TABLE v FINAL");
            await rm(native);
        },
        async bytes() {
            return Number(run(`SELECT sum(bytes_on_disk) FROM system.parts
                WHERE active AND database = 'bench' AND table = 'v'`));
        },
        async ask(sql) {
            const result = await session.queryAsync(sql, { format: "RowBinary" });
            const bytes = result.bytes();
            const width = (sql.match(/toFloat64/g) ?? []).length * 8;
            const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
            return [{ count: bytes.byteLength / width,
                get: (column, row) => view.getFloat64(row * width + column * 8, true) }];
        },
        async close() {
            session.cleanup();
        },
        divide: (a, b) => `intDiv(${a}, ${b})`,
        real: (x) => `toFloat64(${x})`,
        latest: "SELECT toFloat64(argMax(value, ts)) FROM v GROUP BY tag",
    };
}
