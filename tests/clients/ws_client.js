// The npm package `ws`, with the keepalive that its documentation recommends.
"use strict";

const WebSocket = require("ws");

const { Refused, main } = require("./scenario.js");

function dial(url, events, keepalive) {
  const socket = new WebSocket(url);
  let alive = true;
  const beat = setInterval(() => {
    if (!alive) socket.terminate();
    alive = false;
    socket.ping();
  }, 1000 * keepalive);
  socket.on("pong", () => (alive = true));
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve(socket));
    socket.on("message", (data) => events.push(JSON.parse(data)));
    socket.on("close", (code, reason) => {
      clearInterval(beat);
      events.push({ type: "closed", code, reason: reason.toString() });
    });
    socket.on("error", reject);
    socket.on("unexpected-response", async (_, response) => {
      clearInterval(beat);
      const { statusCode, headers, socket: connection } = response;
      const body = (await response.toArray()).join("");
      connection.destroy(); // Who listens to this event has to.
      reject(new Refused(statusCode, headers["retry-after"], body));
    });
  });
}

main(dial);
