// A page to try a node with: docs/protocol.md is all that it knows.

const SUBPROTOCOL = "trunkline.v1";

/** Codes of closes after which a client does not come back by itself. */
const FINAL_CLOSES = new Map([
  [4001, "unauthorized"],
  [4003, "replaced by a newer session of this user"],
  [4010, "ended by an operator"],
]);

/** A connection on which nothing was heard for this long is asked for a sign of life. */
const SILENCE_MS = 20_000;
const ANSWER_MS = 5_000;

/** The longest pause before the n-th attempt to connect again; the pause is drawn below it. */
const backOff = (attempt) => Math.min(15_000, 250 * 2 ** attempt);

/** How the outcome of a send is shown. */
const OUTCOMES = {
  sending: "… sending",
  delivered: "✓ delivered",
  offline: "– offline",
  busy: "! busy, send again later",
  unreachable: "× unreachable",
  unconfirmed: "? unconfirmed: it may have arrived",
};

const element = (id) => document.getElementById(id);
const ownUrl = () => {
  const url = new URL("ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
};

/** One user's connection, renewed for as long as the node lets it. */
class Connection extends EventTarget {
  #user;
  #token;
  #socket = null;
  #waiting = new Map();
  #sent = 0;
  #attempt = 0;
  #others = [];
  #heardAt = 0;
  #timers = new Set();
  #left = false;

  constructor(user, token) {
    super();
    this.#user = user;
    this.#token = token;
    this.#dial(ownUrl());
    this.#every(SILENCE_MS / 2, () => {
      if (Date.now() - this.#heardAt > SILENCE_MS) this.check();
    });
  }

  /** Sends text. Returns a promise of the outcome, or of why there is none. */
  send(to, text) {
    const id = `${++this.#sent}`;
    return new Promise((resolve) => {
      if (this.#socket?.readyState !== WebSocket.OPEN) return resolve("unreachable");
      this.#waiting.set(id, resolve);
      this.#write({ type: "send", id, to, body: text });
    });
  }

  /** Asks the node for a sign of life, and connects again without one. */
  check() {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    const asked = Date.now();
    this.#write({ type: "ping" });
    this.#after(ANSWER_MS, () => {
      if (socket === this.#socket && this.#heardAt < asked) this.#lost("no answer");
    });
  }

  /** Ends the session for good. */
  leave() {
    this.#left = true;
    this.#timers.forEach(clearInterval);
    this.#socket?.close(1000);
  }

  #dial(url) {
    const socket = new WebSocket(url, SUBPROTOCOL);
    this.#socket = socket;
    const current = (handle) => (event) => {
      if (socket === this.#socket) handle(event);
    };
    socket.onopen = current(() => {
      const token = this.#token ? { token: this.#token } : {};
      this.#write({ type: "login", user: this.#user, ...token });
    });
    socket.onmessage = current((event) => this.#received(JSON.parse(event.data)));
    socket.onclose = current((event) => this.#closed(event));
  }

  #received(frame) {
    this.#heardAt = Date.now();
    switch (frame.type) {
      case "welcome":
        this.#attempt = 0;
        this.#tell("connected", frame);
        this.#learn();
        break;
      case "message":
        this.#tell("message", frame);
        break;
      case "receipt":
        this.#end(frame.id, frame.outcome);
        break;
      case "error":
        if (frame.id === undefined || !this.#end(frame.id, `${frame.code}: ${frame.reason}`)) {
          this.#tell("refused", frame);
        }
        break;
    }
  }

  #closed({ code, reason }) {
    const final = FINAL_CLOSES.get(code);
    if (this.#left || final) {
      this.#settle();
      this.#timers.forEach(clearInterval);
      return this.#tell("ended", { reason: final ? `${final}${reason && `: ${reason}`}` : "" });
    }
    this.#lost(reason || `closed with ${code}`, Number(/retry_ms=(\d+)/.exec(reason)?.[1]));
  }

  /** The connection is gone: what waits for its outcome may have arrived. */
  #lost(reason, retryMs) {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#settle();
    const pause = Number.isFinite(retryMs) ? retryMs : Math.random() * backOff(this.#attempt);
    this.#attempt += 1;
    this.#tell("lost", { reason, pause });
    // This node first, and then those that it named.
    const urls = [ownUrl(), ...this.#others.filter((url) => url !== ownUrl())];
    const url = urls[(this.#attempt - 1) % urls.length];
    this.#after(pause, () => this.#dial(url));
  }

  /** Asks which other nodes there are: a browser cannot read the answer to a refused upgrade. */
  async #learn() {
    try {
      const answer = await fetch("nodes");
      this.#others = (await answer.json()).nodes;
    } catch {
      // Those that were known stay.
    }
  }

  #settle() {
    this.#waiting.forEach((resolve) => resolve("unconfirmed"));
    this.#waiting.clear();
  }

  #end(id, outcome) {
    const resolve = this.#waiting.get(id);
    resolve?.(outcome);
    return this.#waiting.delete(id);
  }

  #write(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #after(ms, action) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#left) action();
    }, ms);
    this.#timers.add(timer);
  }

  #every(ms, action) {
    this.#timers.add(setInterval(action, ms));
  }
}

let connection = null;
let peer = null;
/** The messages of each conversation, and whether there are new ones. */
const conversations = new Map();

const conversationWith = (name) => {
  if (!conversations.has(name)) conversations.set(name, { messages: [], unread: false });
  return conversations.get(name);
};

const time = (ms) => new Date(ms).toLocaleTimeString();
const asText = (body) => (typeof body === "string" ? body : JSON.stringify(body));

function show(state, className = "") {
  element("state").textContent = state;
  element("state").className = className;
}

function drawMessages() {
  const list = element("messages");
  const messages = peer === null ? [] : conversationWith(peer).messages;
  list.replaceChildren(
    ...messages.map(({ text, at, outcome }) => {
      const item = document.createElement("li");
      const note = document.createElement("small");
      item.textContent = text;
      note.textContent = time(at);
      if (outcome) {
        item.className = "own";
        note.textContent += ` ${OUTCOMES[outcome] ?? outcome}`;
        note.className = outcome === "delivered" || outcome === "sending" ? outcome : "failed";
      }
      item.append(note);
      return item;
    }),
  );
  list.scrollTop = list.scrollHeight;
}

function drawConversations() {
  element("conversations").replaceChildren(
    ...[...conversations].map(([name, { unread }]) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.className = unread ? "unread" : "";
      button.setAttribute("aria-current", name === peer);
      button.onclick = () => openConversation(name);
      item.append(button);
      return item;
    }),
  );
}

function openConversation(name) {
  peer = name;
  conversationWith(name).unread = false;
  element("peer").textContent = name;
  const { text } = element("compose").elements;
  [...element("compose").elements].forEach((field) => (field.disabled = false));
  text.focus();
  drawConversations();
  drawMessages();
}

function received({ from, body, sent_at: at }) {
  const conversation = conversationWith(from);
  conversation.messages.push({ text: asText(body), at });
  conversation.unread = from !== peer;
  drawConversations();
  if (from === peer) drawMessages();
}

async function send(text) {
  const to = peer;
  const message = { text, at: Date.now(), outcome: "sending" };
  conversationWith(to).messages.push(message);
  drawMessages();
  message.outcome = await connection.send(to, text);
  if (to === peer) drawMessages();
}

function logIn(user, token) {
  element("refusal").textContent = "";
  show(`connecting as ${user} …`);
  connection = new Connection(user, token);
  const on = (type, handle) => connection.addEventListener(type, ({ detail }) => handle(detail));
  on("connected", ({ node }) => {
    show(`${user} at ${node}`, "connected");
    element("login").hidden = true;
    element("chat").hidden = false;
    element("leave").hidden = false;
  });
  on("message", received);
  on("refused", ({ code, reason }) => {
    element("refusal").textContent = `${reason} (${code})`;
  });
  on("lost", ({ reason, pause }) => {
    show(`connection lost (${reason}): again in ${(pause / 1_000).toFixed(1)} s`, "lost");
  });
  on("ended", ({ reason }) => {
    show(reason ? `ended: ${reason}` : "logged out", reason ? "lost" : "");
    element("login").hidden = false;
    element("chat").hidden = true;
    element("leave").hidden = true;
  });
}

const onSubmit = (id, action) => {
  element(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action(event.target.elements, event.target);
  });
};

onSubmit("login", ({ user, token }) => {
  connection?.leave();
  logIn(user.value, token.value.trim());
});
onSubmit("open", ({ peer: name }, form) => {
  openConversation(name.value);
  form.reset();
});
onSubmit("compose", ({ text }, form) => {
  send(text.value);
  form.reset();
});
element("leave").addEventListener("click", () => connection?.leave());
addEventListener("online", () => connection?.check());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") connection?.check();
});
