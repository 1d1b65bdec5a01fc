// A client that owes nothing to Lacuna drives the built server over standard input
// and output: the npm package vscode-languageserver-protocol for what is well formed,
// raw bytes for what is not.
//
//   LACUNA=bin/lacuna node --test editors/conformance/client.test.mjs
//   MESSAGES=10000 ...                     as many messages in the long session (2,000)
//
// Each test is a rule. What the server should do is in docs/protocol.md, "The session".

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import rpc from "vscode-jsonrpc/node";
import protocol from "vscode-languageserver-protocol/node";

const binary = resolve(process.env.LACUNA ?? "bin/lacuna");
const messages = Number(process.env.MESSAGES ?? 2000);
const seed = Number(process.env.SEED ?? 1);
const patience = 60_000; // milliseconds after which a server counts as hung

const InvalidRequest = -32600;
const MethodNotFound = -32601;
const ParseError = -32700;
const NotInitialized = -32002;
const EndedEarly = [-32800, -32801]; // cancelled, superseded; content modified

const uri = (n) => `file:///work/${n}.go`;
const source = "package a\n\n// Add adds.\nfunc Add(a, b int) int {\n\treturn \n}\n";
const capabilities = { general: { positionEncodings: ["utf-16"] }, textDocument: { inlineCompletion: {} } };

// A running server, its standard error, and how it ended.
class Server {
  // model: false hides ONNX Runtime, so that no model is loaded.
  constructor(t, { model = false, flags = [] } = {}) {
    const env = { ...process.env };
    if (!model) env.LACUNA_ONNXRUNTIME = "/nowhere/libonnxruntime.so";
    this.process = spawn(binary, ["lsp", "--stdio", ...flags], { env });
    this.stderr = "";
    this.process.stderr.on("data", (data) => (this.stderr += data));
    this.process.stdin.on("error", () => {}); // a server that has ended does not read
    this.ended = once(this.process, "exit").then(([code, signal]) => ({ code, signal }));
    t.after(() => this.process.kill("SIGKILL"));
  }

  // The exit status, or a failed test if there is none in time.
  async exit() {
    const { code, signal } = await within(this.ended, "the server to end");
    assert.equal(signal, null, this.stderr);
    assert.doesNotMatch(this.stderr, /panic/i);
    return code;
  }
}

async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`waited too long for ${what}`)), patience)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// A client of the npm package's.
async function connect(t, options = {}) {
  const server = new Server(t, options);
  const { stdin, stdout } = server.process;
  const writer = new rpc.StreamMessageWriter(options.through?.(stdin) ?? stdin);
  const client = protocol.createProtocolConnection(new rpc.StreamMessageReader(stdout), writer, { error() {}, warn() {}, info() {}, log() {} });
  client.onError(() => {});
  client.onUnhandledNotification(() => {});
  client.listen();
  if (options.initialize !== false) {
    await within(client.sendRequest("initialize", { processId: process.pid, rootUri: null, capabilities }), "initialize");
    await client.sendNotification("initialized", {});
  }
  return {
    server,
    client,
    open: (n, text = source) => client.sendNotification("textDocument/didOpen", { textDocument: { uri: uri(n), languageId: "go", version: 1, text } }),
    complete: (n, line = 4, character = 8, token = rpc.CancellationToken.None) =>
      client.sendRequest("textDocument/inlineCompletion", { textDocument: { uri: uri(n) }, position: { line, character }, context: { triggerKind: 2 } }, token),
    stop: async () => {
      await within(client.sendRequest("shutdown"), "shutdown");
      await client.sendNotification("exit");
      assert.equal(await server.exit(), 0);
    },
  };
}

// What became of a request: its result, or the code of its error.
async function outcome(request) {
  try {
    return { result: await within(request, "an answer") };
  } catch (error) {
    if (error.code === undefined) throw error;
    return { code: error.code };
  }
}

// A client that writes bytes.
function raw(t, options) {
  const server = new Server(t, options);
  const waiting = [];
  const received = [];
  const reader = new rpc.StreamMessageReader(server.process.stdout);
  reader.listen((message) => {
    if (message.method !== undefined && message.id === undefined) return; // logs
    if (waiting.length) waiting.shift()(message);
    else received.push(message);
  });
  return {
    server,
    write: (data) => server.process.stdin.write(data),
    end: () => server.process.stdin.end(),
    next: () => within(received.length ? Promise.resolve(received.shift()) : new Promise((done) => waiting.push(done)), "an answer"),
  };
}

const frame = (content) => {
  const body = typeof content === "string" ? content : JSON.stringify({ jsonrpc: "2.0", ...content });
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
};
const initialize = frame({ id: 1, method: "initialize", params: { processId: null, rootUri: null, capabilities } });

// ---- the session

test("shutdown and exit end the process with status 0", async (t) => {
  const { stop } = await connect(t);
  await stop();
});

test("exit without shutdown ends it with status 1", async (t) => {
  const { client, server } = await connect(t);
  await client.sendNotification("exit");
  assert.equal(await server.exit(), 1);
});

test("a client that goes away ends it with status 1", async (t) => {
  const { server } = await connect(t);
  server.process.stdin.end();
  assert.equal(await server.exit(), 1);
});

test("requests before initialize are refused, notifications ignored", async (t) => {
  const { client, open, complete, stop } = await connect(t, { initialize: false });
  await open(1);
  assert.equal((await outcome(complete(1))).code, NotInitialized);
  await within(client.sendRequest("initialize", { processId: null, rootUri: null, capabilities }), "initialize");
  await client.sendNotification("initialized", {});
  assert.deepEqual((await outcome(complete(1))).result, { items: [] }, "a document opened too early is not there");
  await stop();
});

test("initialize twice, and requests after shutdown, are invalid", async (t) => {
  const { client, server, complete } = await connect(t);
  assert.equal((await outcome(client.sendRequest("initialize", { processId: null, rootUri: null, capabilities }))).code, InvalidRequest);
  await within(client.sendRequest("shutdown"), "shutdown");
  assert.equal((await outcome(complete(1))).code, InvalidRequest);
  await client.sendNotification("exit");
  assert.equal(await server.exit(), 0);
});

test("a method that is not known is answered so, a notification is not answered", async (t) => {
  const { client, stop } = await connect(t);
  for (const method of ["textDocument/hover", "lacuna/nothing", "$/unknown", ""]) {
    assert.equal((await outcome(client.sendRequest(method, {}))).code, MethodNotFound, method);
  }
  await client.sendNotification("$/unknown", {});
  await client.sendNotification("textDocument/willNeverBe", { a: [1] });
  await stop();
});

// ---- transport

test("messages arrive a byte at a time", async (t) => {
  const { write, next } = raw(t);
  for (const byte of Buffer.from(initialize)) {
    write(Buffer.of(byte));
    if (byte === 0x0a) await new Promise(setImmediate);
  }
  assert.equal((await next()).id, 1);
});

test("messages arrive all at once", async (t) => {
  const { write, next, server } = raw(t);
  write(initialize + frame({ method: "initialized", params: {} }) + frame({ id: 2, method: "shutdown" }) + frame({ method: "exit" }));
  assert.equal((await next()).id, 1);
  assert.equal((await next()).id, 2);
  assert.equal(await server.exit(), 0);
});

test("ids may be strings, numbers and odd", async (t) => {
  const { write, next } = raw(t);
  write(initialize);
  await next();
  for (const id of ["a", "", "🙂", 0, -7, 2 ** 31 - 1]) {
    write(frame({ id, method: "lacuna/nothing" }));
    const answer = await next();
    assert.deepEqual([answer.id, answer.error.code], [id, MethodNotFound]);
  }
});

for (const [what, body] of [
  ["invalid JSON", '{"jsonrpc": "2.0", "id": 5, '],
  ["no JSON", "hello"],
  ["a number", "17"],
  ["a batch", '[{"jsonrpc":"2.0","id":5,"method":"shutdown"}]'],
  ["JSON that is no message", '{"a": 1}'],
  ["bytes that are not UTF-8", Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
]) {
  test(`a frame with ${what} is answered as an error and survived`, async (t) => {
    const { write, next } = raw(t);
    write(initialize);
    await next();
    const bytes = Buffer.from(body);
    write(Buffer.concat([Buffer.from(`Content-Length: ${bytes.length}\r\n\r\n`), bytes]));
    const answer = await next();
    assert.ok([ParseError, InvalidRequest].includes(answer.error.code), JSON.stringify(answer));
    write(frame({ id: 9, method: "shutdown" }));
    assert.equal((await next()).id, 9);
  });
}

for (const [what, bytes] of [
  ["no length", "Content-Type: text\r\n\r\n{}"],
  ["a length that is no number", "Content-Length: many\r\n\r\n{}"],
  ["a length of nothing", "Content-Length: 0\r\n\r\n"],
  ["a negative length", "Content-Length: -5\r\n\r\n{}"],
  ["a length beyond all memory", "Content-Length: 99999999999999999999\r\n\r\n{}"],
  ["a length of a terabyte", "Content-Length: 1099511627776\r\n\r\n{}"],
  ["a line that is no header", "hello\r\n\r\n"],
  ["a header of ten megabytes", `X: ${"a".repeat(10 << 20)}\r\n\r\n`],
  ["a header of ten megabytes without end", "a".repeat(10 << 20)],
]) {
  test(`a frame with ${what} ends the connection`, async (t) => {
    const { write, next, end, server } = raw(t);
    write(initialize);
    await next();
    write(bytes);
    end();
    assert.equal(await server.exit(), 1);
  });
}

for (const [what, bytes] of [
  ["in the header", "Content-Le"],
  ["between header and body", "Content-Length: 10\r\n\r\n"],
  ["in the body", 'Content-Length: 100\r\n\r\n{"jsonrpc"'],
]) {
  test(`a client that goes away ${what} leaves no process behind`, async (t) => {
    const { write, next, end, server } = raw(t);
    write(initialize);
    await next();
    write(bytes);
    end();
    assert.equal(await server.exit(), 1);
  });
}

test("header names are read in any case, others are passed over", async (t) => {
  const { write, next } = raw(t);
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: { processId: null, rootUri: null, capabilities } });
  write(`content-type: application/vscode-jsonrpc; charset=utf-8\r\nCONTENT-LENGTH: ${body.length}\r\n\r\n${body}`);
  assert.equal((await next()).id, 1);
});

// ---- what a machine does to a server

test("a model that is removed under a running server is there until it ends", async (t) => {
  const bundle = mkdtempSync(join(tmpdir(), "lacuna-"));
  cpSync(resolve(import.meta.dirname ?? dirname(fileURLToPath(import.meta.url)), "../../models/small"), bundle, { recursive: true });
  const { open, complete, stop } = await connect(t, { model: true, flags: ["--bundle", bundle] });
  await open(1);
  assert.ok((await outcome(complete(1))).result.items);
  rmSync(bundle, { recursive: true });
  await open(2);
  const { code, result } = await outcome(complete(2));
  assert.ok(Array.isArray(result?.items), `${code}`);
  await stop();
});

test("a model that is not there is said once, and answers are empty", async (t) => {
  const said = [];
  const { client, open, complete, stop } = await connect(t, { model: true, flags: ["--bundle", "/nowhere/bundle"] });
  client.onNotification("window/showMessage", ({ message }) => said.push(message));
  await open(1);
  for (let n = 0; n < 3; n++) assert.deepEqual((await outcome(complete(1))).result, { items: [] });
  await stop();
  assert.equal(said.filter((message) => message.includes("/nowhere/bundle")).length, 1, said.join("\n"));
});

test("a log on a full disk is lost, and nothing else", { skip: process.platform !== "linux" && "needs /dev/full" }, async (t) => {
  const { open, complete, stop } = await connect(t, { flags: ["--log-file", "/dev/full"] });
  await open(1);
  assert.deepEqual((await outcome(complete(1))).result, { items: [] });
  await stop();
});

test("a log that nobody reads stops nothing", { skip: process.platform === "win32" && "needs a named pipe" }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "lacuna-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const log = join(folder, "log");
  execFileSync("mkfifo", [log]);
  const reader = spawn("sh", ["-c", 'exec sleep 600 < "$0"', log]); // opens it and reads nothing
  t.after(() => reader.kill("SIGKILL"));
  const { client, open, complete, stop } = await connect(t, { flags: ["--log-level", "debug", "--log-file", log] });
  await open(1);
  for (let n = 0; n < 5000; n++) await client.sendNotification("$/unheardOf", { n }); // a line of the log each
  assert.deepEqual((await outcome(complete(1))).result, { items: [] });
  await stop();
});

// ---- many messages

// Resident memory of a process in MB; 0 where the system does not tell.
function resident(pid) {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024);
  } catch {
    return 0;
  }
}

// Numbers in [0, n) that depend on the seed alone (xorshift).
function dice(state) {
  state = (state ^ 0x9e3779b9) >>> 0 || 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % n;
  };
}

test("requests that overlap, are cancelled at once or outdated are each answered once", async (t) => {
  const { client, open, complete, stop } = await connect(t, { model: true });
  await open(1);
  const answers = [];
  for (let n = 0; n < 40; n++) {
    const source = new rpc.CancellationTokenSource();
    answers.push(outcome(complete(1, 4, 8, source.token)));
    if (n % 3 === 0) source.cancel();
    if (n % 3 === 1) setTimeout(() => source.cancel(), n);
    if (n % 5 === 0) {
      await client.sendNotification("textDocument/didChange", {
        textDocument: { uri: uri(1), version: n + 2 },
        contentChanges: [{ range: { start: { line: 2, character: 3 }, end: { line: 2, character: 3 } }, text: "x" }],
      });
    }
  }
  for (const { code, result } of await Promise.all(answers)) {
    assert.ok(code === undefined ? Array.isArray(result.items) : EndedEarly.includes(code), `${code} ${JSON.stringify(result)}`);
  }
  // And the last one, which nothing ends, is filled for real.
  const { code, result } = await outcome(complete(1));
  assert.ok(Array.isArray(result?.items), `${code}`);
  await stop();
});

test(`a session of ${messages} messages answers every request`, async (t) => {
  const { server, client, open, complete, stop } = await connect(t);
  const random = dice(seed);
  const versions = new Map();
  const pending = [];
  let asked = 0;
  const expected = new Set([undefined, MethodNotFound, -32602, ...EndedEarly]); // -32602: a command that is not known
  const settle = async () => {
    for (const { code } of await Promise.all(pending.splice(0))) assert.ok(expected.has(code), `${code}`);
  };
  let early = 0; // resident memory, in MB, after a fifth of the session
  for (let sent = 0; sent < messages; sent++) {
    if (sent === Math.floor(messages / 5)) early = resident(server.process.pid);
    const n = random(20);
    if (!versions.has(n)) {
      versions.set(n, 1);
      await open(n);
      continue;
    }
    const at = { line: random(9), character: random(12) };
    switch (random(10)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        versions.set(n, versions.get(n) + 1);
        const end = random(3) ? at : { line: random(9), character: random(12) };
        // All of the text now and then, so that documents stay small.
        if (random(40) === 0) {
          await client.sendNotification("textDocument/didChange", { textDocument: { uri: uri(n), version: versions.get(n) }, contentChanges: [{ text: source }] });
          break;
        }
        await client.sendNotification("textDocument/didChange", {
          textDocument: { uri: uri(n), version: versions.get(n) },
          contentChanges: [{ range: { start: at, end }, text: ["", "a", "\n", "\r\n", "🙂", "\treturn \n}\n"][random(6)] }],
        });
        break;
      }
      case 4:
        versions.delete(n);
        await client.sendNotification("textDocument/didClose", { textDocument: { uri: uri(n) } });
        break;
      case 5:
        asked++;
        pending.push(outcome(client.sendRequest("textDocument/codeAction", { textDocument: { uri: uri(n) }, range: { start: at, end: at }, context: { diagnostics: [] } })));
        break;
      case 6:
        asked++;
        pending.push(outcome(client.sendRequest("workspace/executeCommand", { command: ["lacuna.status", "lacuna.explain", "lacuna.nothing"][random(3)], arguments: [] })));
        break;
      case 7: {
        const source = new rpc.CancellationTokenSource();
        asked++;
        pending.push(outcome(complete(n, at.line, at.character, source.token)));
        if (random(2)) source.cancel();
        break;
      }
      case 8:
        asked++;
        pending.push(outcome(client.sendRequest("textDocument/definition", { textDocument: { uri: uri(n) }, position: at })));
        break;
      default:
        asked++;
        pending.push(outcome(complete(n, at.line, at.character)));
    }
    if (pending.length >= 200) await settle();
  }
  await settle();
  const late = resident(server.process.pid);
  t.diagnostic(`${asked} requests, all answered; ${early} MB resident after a fifth, ${late} MB at the end`);
  assert.ok(asked > messages / 4);
  assert.ok(late < early + 40, `${early} MB have become ${late} MB`);
  assert.equal(server.process.exitCode, null, server.stderr);
  await stop();
});
