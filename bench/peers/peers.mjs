// The same values and questions for Bede and its peers; one table with ratios.
//
// usage: peers.mjs BEDE DIRECTORY [plant] [single] [--scale S] [--json]
//
// A peer is a file beside this one and a row in PEERS; peer.mjs says what it must offer. One that
// needs a server starts it in open(), on loopback, and ends it in close() by the pid it got.
// What cannot be installed here is named and left out.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";

const PEERS = ["duckdb", "chdb", "sqlite"];
const WORKLOADS = ["plant", "single"];
const PEER_MS_MAX = 20 * 60 * 1000;

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: options, positionals } = parseArgs({ allowPositionals: true,
    options: { scale: { type: "string", default: "1" }, json: { type: "boolean" } } });
const [bede, data, ...words] = positionals;
const workloads = words.length > 0 ? words : WORKLOADS;
const directory = path.resolve(data, "peers");

function say(text) {
    process.stderr.write(`bench peers: ${text}\n`);
}

/** Installs what package.json names, each alone, so that one that fails costs only itself. */
function install() {
    mkdirSync(directory, { recursive: true });
    const { dependencies } = JSON.parse(readFileSync(path.join(here, "package.json"), "utf8"));
    if (!existsSync(path.join(directory, "package.json"))) {
        writeFileSync(path.join(directory, "package.json"), '{"private": true}\n');
    }
    const missing = new Set();
    for (const [name, version] of Object.entries(dependencies)) {
        const installed = path.join(directory, "node_modules", name, "package.json");
        if (existsSync(installed) && JSON.parse(readFileSync(installed, "utf8")).version === version) {
            continue;
        }
        say(`installing ${name} ${version}`);
        const npm = spawnSync("npm", ["install", "--prefix", directory, "--save-exact",
            "--no-audit", "--no-fund", "--loglevel=error", `${name}@${version}`],
            { stdio: ["ignore", "ignore", "inherit"] });
        if (npm.status !== 0) missing.add(name);
    }
    return missing;
}

function bedeFigures(workload) {
    const out = execFileSync(bede, ["bench", workload, "--json", "--data", data, "--scale",
        options.scale], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    const { machine, workloads: [result] } = JSON.parse(out);
    const figures = Object.fromEntries(result.figures.map((figure) => [figure.key, figure]));
    const seconds = result.values / 1e6 / figures.append.value + figures.compact.value;
    figures.append_and_merge = { value: result.values / 1e6 / seconds, unit: "M values/s" };
    return { machine, figures, count: result.values, from: result.from_ns, to: result.to_ns };
}

function peerFigures(peer, workload, files, { from, to }) {
    const run = spawnSync(process.execPath, ["--max-old-space-size=8192", path.join(here, "peer.mjs"),
        peer, workload, directory, JSON.stringify(files), from, to],
        { encoding: "utf8", timeout: PEER_MS_MAX, stdio: ["ignore", "pipe", "inherit"] });
    if (run.status !== 0) {
        say(`${peer} did not get through ${workload}`);
        return null;
    }
    return JSON.parse(run.stdout.trim().split("\n").at(-1));
}

/** How much better Bede is: above 1 it is. */
function ratio(key, mine, theirs) {
    return key.startsWith("append") ? mine / theirs : theirs / mine;
}

function isSame(mine, theirs) {
    if (mine.answer === undefined || theirs.answer === undefined) return true;
    return mine.rows === theirs.rows &&
        Math.abs(mine.answer - theirs.answer) <= 1e-6 * Math.abs(mine.answer);
}

function printTable(workload, own, theirs) {
    const number = (value) => value >= 100 ? value.toFixed(0) : value.toPrecision(3);
    const names = Object.keys(theirs);
    const keys = Object.keys(own.figures).filter((key) => names.some((n) => key in theirs[n].figures));
    const rows = [["workload", "figure", "unit", "Bede",
        ...names.map((name) => `${name} ${theirs[name].version}`)]];
    for (const key of keys) {
        const mine = own.figures[key];
        rows.push([workload, key, mine.unit, number(mine.value), ...names.map((name) => {
            const other = theirs[name].figures[key];
            const mark = isSame(mine, other) ? "" : " other answer!";
            return `${number(other.value)} (${number(ratio(key, mine.value, other.value))} x)${mark}`;
        })]);
    }
    const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
    for (const row of rows) {
        console.log(row.map((text, i) => i < 3 ? text.padEnd(widths[i]) : text.padStart(widths[i]))
            .join("  "));
    }
}

const missing = install();
const reports = [];
for (const workload of workloads) {
    if (!WORKLOADS.includes(workload)) {
        say(`there is no workload "${workload}" here: ${WORKLOADS.join(", ")}`);
        process.exit(2);
    }
    const own = bedeFigures(workload);
    if (reports.length === 0 && !options.json) {
        const { machine } = own;
        console.log(`${machine.date} · ${machine.processor}, ${machine.cores} cores · ` +
            `${machine.kernel} · fdatasync ${machine.fdatasync_us} us · in brackets: how many times ` +
            "better Bede is");
    }
    execFileSync(bede, ["bench", workload, "--export", directory, "--scale", options.scale]);
    const files = { values: path.join(directory, `${workload}.csv`),
        tags: path.join(directory, `${workload}.tags.csv`), count: own.count };
    const theirs = {};
    for (const peer of PEERS) {
        const { name, packageName } = await import(`./${peer}.mjs`);
        if (missing.has(packageName)) {
            say(`${name} is left out: ${packageName} could not be installed`);
            continue;
        }
        say(`${name}, ${workload}`);
        const figures = peerFigures(peer, workload, files, own);
        if (figures) theirs[name] = figures;
    }
    rmSync(files.values);
    rmSync(files.tags);
    reports.push({ workload, bede: own.figures, peers: theirs });
    if (!options.json) printTable(workload, own, theirs);
}
if (options.json) console.log(JSON.stringify(reports, null, 2));
