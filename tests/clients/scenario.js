// What every client in JavaScript does, in Node and in a browser; see README.md.
"use strict";

const BODY = "grüße, 世界 😀 ".repeat(2858); // A good 60,000 bytes of UTF-8.
const ATTEMPTS = 30;

class Refused extends Error {
  // What a client is not told is undefined.
  constructor(status, retryAfter, body) {
    super(`refused with ${status}`);
    Object.assign(this, { status, retryAfter, body });
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function check(holds, what) {
  if (!holds) throw new Error(`wrong: ${JSON.stringify(what)}`);
}

// Events that someone waits for, in their order.
class Queue {
  waiting = [];
  events = [];

  push(event) {
    this.events.push(event);
    if (this.waiting.length) this.waiting.shift()();
  }

  async next(ms) {
    if (!this.events.length) {
      await Promise.race([
        new Promise((resolve) => this.waiting.push(resolve)),
        ...(ms ? [sleep(ms)] : []),
      ]);
    }
    return this.events.shift();
  }
}

// The WebSocket that browsers and Node have built in: it tells nothing of a refusal.
function dialBuiltIn(url, events) {
  const socket = new WebSocket(url);
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(socket);
    socket.onmessage = ({ data }) => events.push(JSON.parse(data));
    socket.onclose = ({ code, reason }) => {
      reject(new Refused());
      events.push({ type: "closed", code, reason });
    };
  });
}

// `dial` connects, and pushes frames and the close to the queue that it is given.
async function play(dial, { url, fallback, user, peer, idle }, step) {
  const connect = async (url) => {
    const events = new Queue();
    return { socket: await dial(url, events), events };
  };

  const login = async ({ socket, events }) => {
    socket.send(JSON.stringify({ type: "login", user }));
    const welcome = await events.next();
    check(welcome.type === "welcome", welcome);
    await step({ step: "welcome", node: welcome.node });
  };

  const sendAndReceive = async ({ socket, events }) => {
    socket.send(JSON.stringify({ type: "send", id: "c-1", to: peer, body: BODY }));
    const frames = [await events.next(), await events.next()];
    const receipt = frames.find(({ type }) => type === "receipt");
    const message = frames.find(({ type }) => type === "message");
    check(receipt?.outcome === "delivered", receipt ?? frames);
    check(message?.body === BODY, "the body came back changed");
    await step({ step: "delivered", bytes: new TextEncoder().encode(message.body).length });
  };

  const reconnect = async (url) => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        return await connect(url);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const { status, retryAfter, body } = error;
        const { nodes } = body ? JSON.parse(body) : await getNodes(url);
        await step({ step: "refused", status, retry_after: retryAfter, nodes });
        url = nodes[0] ?? url;
        await sleep(1000 * (retryAfter ?? 1));
      }
    }
    throw new Error("refused every time");
  };

  let session = await connect(url);
  await login(session);
  const early = await session.events.next(1000 * idle);
  check(early === undefined, early);
  await step({ step: "idle" });
  await sendAndReceive(session);
  const closed = await session.events.next();
  check(closed.type === "closed", closed);
  await step({ step: "closed", code: closed.code, reason: closed.reason });
  await sleep(closed.reason.replace("retry_ms=", ""));
  session = await reconnect(fallback);
  await login(session);
  await sendAndReceive(session);
  session.socket.close(1000);
  const end = await session.events.next();
  check(end.type === "closed" && end.code === 1000, end);
  await step({ step: "done" });
}

async function getNodes(url) {
  const answer = await fetch(url.replace("ws://", "http://").replace(/ws$/, "nodes"));
  return answer.json();
}

// As a program of Node, with its arguments and its output.
function main(dial) {
  const [url, fallback, user, peer, idle, keepalive] = process.argv.slice(2);
  const step = (line) => console.log(JSON.stringify(line));
  play((url, events) => dial(url, events, keepalive), { url, fallback, user, peer, idle }, step)
    .catch((error) => {
      console.error(error);
      process.exit(1);
    });
}

if (typeof module !== "undefined") module.exports = { Refused, dialBuiltIn, main };
