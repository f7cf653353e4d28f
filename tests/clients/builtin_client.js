// The WebSocket that Node has built in, which has no keepalive.
"use strict";

const { dialBuiltIn, main } = require("./scenario.js");

main(dialBuiltIn);
