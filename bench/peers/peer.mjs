// One peer with one workload, in a process of its own, so that its memory is its own.
//
// usage: peer.mjs PEER WORKLOAD DIRECTORY FILES FROM_NS TO_NS      prints one JSON object
import { createRequire } from "node:module";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { questions } from "./questions.mjs";

const RUNS_MAX = 9, SECONDS_MAX = 2;

const [peerName, workload, directory, filesText, from, to] = process.argv.slice(2);
const files = JSON.parse(filesText);
const place = path.join(directory, `${peerName}-${workload}`);

function bytesBelow(folder) {
    let bytes = 0;
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (entry.isFile()) bytes += statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size;
    }
    return bytes;
}

async function seconds(work) {
    const begin = process.hrtime.bigint();
    const result = await work();
    return [Number(process.hrtime.bigint() - begin) / 1e9, result];
}

/** Once to warm up, then the median of some more, as bench_run.c does it. */
async function measure(store, question) {
    const begin = process.hrtime.bigint();
    const once = async () => question.fold(await store.ask(question.sql));
    const [first, answer] = await seconds(once);
    const times = [];
    while (times.length < RUNS_MAX && Number(process.hrtime.bigint() - begin) / 1e9 < SECONDS_MAX) {
        times.push((await seconds(once))[0]);
    }
    times.sort((a, b) => a - b);
    const median = times.length > 0 ? times[Math.floor(times.length / 2)] : first;
    return { value: median * 1e3, answer: answer.number, rows: answer.rows };
}

rmSync(place, { recursive: true, force: true });
mkdirSync(place, { recursive: true });
const require = createRequire(path.join(directory, "package.json"));
const peer = await import(`./${peerName}.mjs`);
const store = await peer.open(require, place, files);
const report = { version: await store.version(), figures: {} };
await store.prepare();
const [loading] = await seconds(() => store.load());
const [settling] = await seconds(() => store.settle());
report.figures.append = { value: files.count / loading / 1e6 };
report.figures.append_and_merge = { value: files.count / (loading + settling) / 1e6 };
for (const question of questions(workload, store, { from: BigInt(from), to: BigInt(to) })) {
    report.figures[question.key] = await measure(store, question);
}
const bytes = store.bytes ? await store.bytes() : bytesBelow(place);
report.figures.bytes_per_value = { value: bytes / files.count };
await store.close();
rmSync(place, { recursive: true, force: true });
process.stdout.write(JSON.stringify(report) + "\n");
