// DuckDB: from Parquet, sorted by tag and time as it is loaded, into a file of its own.
import { rm } from "node:fs/promises";

export const name = "DuckDB";
export const packageName = "@duckdb/node-api";

export async function open(require, directory, files) {
    const { DuckDBInstance } = require(packageName);
    const instance = await DuckDBInstance.create(`${directory}/store.duckdb`);
    const connection = await instance.connect();
    const parquet = `${directory}/values.parquet`;

    return {
        async version() {
            return (await connection.runAndReadAll("SELECT version()")).getRows()[0][0];
        },
        // Not measured: CSV becomes what it loads fastest.
        async prepare() {
            await connection.run(`COPY (
                SELECT t.tag::INTEGER AS tag, ts, value, coalesce(('0x' || quality)::BIGINT, 0) AS quality
                FROM read_csv('${files.values}', header = true, columns =
                    {'tag': 'VARCHAR', 'ts': 'BIGINT', 'value': 'DOUBLE', 'quality': 'VARCHAR'}) s
                JOIN (SELECT row_number() OVER () - 1 AS tag, name
                      FROM read_csv('${files.tags}', header = true)) t ON t.name = s.tag)
                TO '${parquet}' (FORMAT parquet)`);
        },
        async load() {
            await connection.run(`CREATE TABLE v AS
                SELECT * FROM '${parquet}' ORDER BY tag, ts; CHECKPOINT`);
        },
        async settle() {
            await rm(parquet);
        },
        async ask(sql) {
            const result = await connection.run(sql);
            const batches = [];
            for (;;) {
                const chunk = await result.fetchChunk();
                if (!chunk || chunk.rowCount === 0) return batches;
                const columns = chunk.getColumns();
                batches.push({ count: chunk.rowCount, get: (column, row) => columns[column][row] });
            }
        },
        async close() {
            connection.closeSync();
            instance.closeSync();
        },
        divide: (a, b) => `(${a}) // ${b}`,
        real: (x) => `(${x})::DOUBLE`,
        latest: "SELECT arg_max(value, ts) FROM v GROUP BY tag",
    };
}
