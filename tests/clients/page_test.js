// Two people in two tabs of a real Chromium, each on the page of another node. Each line of standard output
// is a step; at some the test that runs this kills or stops a node, and answers with a line.
"use strict";

const readline = require("node:readline");
const { chromium } = require("playwright-core");

const [first, second, third] = process.argv.slice(2);
const SOON = 60_000;

const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const step = async (name) => {
  console.log(name);
  await answers.next();
};

async function open(context, url, user) {
  const page = await context.newPage();
  page.setDefaultTimeout(SOON);
  page.on("pageerror", (error) => {
    console.log(`error ${error}`);
    process.exit(1);
  });
  await page.goto(url);
  await page.getByLabel("User").fill(user);
  await page.getByRole("button", { name: "Log in" }).click();
  await connected(page, user);
  return page;
}

/** Waits until the page shows a session, and returns its node. */
async function connected(page, user, other) {
  const state = page.locator("#state.connected");
  for (;;) {
    await state.waitFor();
    const [, node] = (await state.textContent()).split(" at ");
    if (node !== other) return node;
    await page.waitForTimeout(50);
  }
}

async function write(from, to, text) {
  await from.getByLabel("Write to").fill(to);
  await from.getByRole("button", { name: "Open" }).click();
  await from.getByLabel("Message").fill(text);
  await from.getByRole("button", { name: "Send" }).click();
}

/** Writes, and waits until the other has it and the sender its tick. */
async function exchange(from, sender, to, recipient, text) {
  await write(from, recipient, text);
  await from.locator("li.own", { hasText: text }).getByText("✓ delivered").waitFor();
  await to.getByRole("button", { name: sender, exact: true }).click();
  await to.locator("#messages li", { hasText: text }).waitFor();
}

async function main() {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 } });
  const alice = await open(context, first, "alice");
  const bob = await open(context, second, "bob <b>&");
  await exchange(alice, "alice", bob, "bob <b>&", "hello <i>there</i>");
  await exchange(bob, "bob <b>&", alice, "alice", "hello back");
  await write(alice, "nobody", "psst");
  await alice.locator("li.own", { hasText: "psst" }).getByText("– offline").waitFor();

  const before = await connected(bob, "bob");
  await step("kill");
  await connected(bob, "bob", before);
  await exchange(alice, "alice", bob, "bob <b>&", "after the kill");

  const drained = await connected(alice, "alice");
  await step("drain");
  // Bob may have come to the same node.
  await connected(alice, "alice", drained);
  await connected(bob, "bob", drained);
  await exchange(bob, "bob <b>&", alice, "alice", "after the drain");

  await alice.setViewportSize({ width: 360, height: 640 });
  const overflow = await alice.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (overflow > 0) throw new Error(`the page is ${overflow} pixels too wide for a phone`);
  await write(alice, "bob <b>&", "from a phone");
  await alice.locator("li.own", { hasText: "from a phone" }).getByText("✓ delivered").waitFor();

  const again = await open(context, third, "carol");
  await again.getByRole("button", { name: "Log out" }).click();
  await again.getByText("logged out").waitFor();
  if (process.env.PICTURES) {
    await alice.screenshot({ path: `${process.env.PICTURES}/page-phone.png` });
    await bob.screenshot({ path: `${process.env.PICTURES}/page.png` });
  }
  await browser.close();
  console.log("done");
  process.exit(0);
}

main().catch((error) => {
  console.log(`error ${error}`);
  process.exit(1);
});
