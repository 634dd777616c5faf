// Renders a page in headless Chromium and looks at it: screenshots, a PDF, axe-core, no overflow.
//
//   node tools/browser.mjs PAGE OUTPUT AXE
//
// Speaks the DevTools protocol over a pipe, so that it needs no package and opens no port.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [page, output, axe] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "hvelv-browser-"));
const chromium = spawn("chromium", [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank",
], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });

const deadline = setTimeout(() => fail("the browser did not answer in time"), 120_000);
const answers = new Map();
const waiting = new Map();
let next = 1;
let buffer = "";

function fail(why) {
  console.error(why);
  chromium.kill();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  process.exit(1);
}

chromium.on("error", (error) => fail(`chromium does not start: ${error.message}`));
chromium.stdio[4].on("data", (data) => {
  buffer += data;
  const parts = buffer.split("\0");
  buffer = parts.pop();
  for (const part of parts) {
    const message = JSON.parse(part);
    if (message.id) {
      const { resolve, reject } = answers.get(message.id);
      answers.delete(message.id);
      message.error ? reject(new Error(message.error.message)) : resolve(message.result);
    } else {
      waiting.get(message.method)?.();
      waiting.delete(message.method);
    }
  }
});

function send(method, params = {}, sessionId) {
  const id = next++;
  chromium.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
  return new Promise((resolve, reject) => answers.set(id, { resolve, reject }));
}

const { targetId } = await send("Target.createTarget", { url: "about:blank" });
const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
const ask = (method, params) => send(method, params, sessionId);
async function evaluate(expression) {
  const asked = { expression, awaitPromise: true, returnByValue: true };
  const { result, exceptionDetails } = await ask("Runtime.evaluate", asked);
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? "a script failed");
  return result.value;
}
async function open(width, height, mobile, scheme) {
  const metrics = { width, height, deviceScaleFactor: 1, mobile };
  await ask("Emulation.setDeviceMetricsOverride", metrics);
  const features = [{ name: "prefers-color-scheme", value: scheme }];
  await ask("Emulation.setEmulatedMedia", { features });
  const loaded = new Promise((resolve) => waiting.set("Page.loadEventFired", resolve));
  await ask("Page.navigate", { url: pathToFileURL(page).href });
  await loaded;
}

const problems = [];
try {
  await ask("Page.enable");
  for (const [device, width, height, mobile] of [
    ["telephone", 390, 844, true], ["desktop", 1280, 900, false],
  ]) {
    for (const scheme of ["light", "dark"]) {
      const name = `${device}-${scheme}`;
      await open(width, height, mobile, scheme);
      const wide = await evaluate("document.documentElement.scrollWidth");
      if (wide > width) problems.push(`${name}: ${wide} pixels wide on a screen of ${width}`);
      await evaluate(readFileSync(axe, "utf8") + "\n;0");
      const found = await evaluate("axe.run().then(({ violations, incomplete, passes }) => ({ " +
        "violations: violations.map((one) => one.id + ': ' + one.help + ' at ' + " +
        "one.nodes.map((node) => node.target.join(' ')).join(', ')), " +
        "incomplete: incomplete.map((one) => one.id), passes: passes.length }))");
      problems.push(...found.violations.map((one) => `${name}: ${one}`));
      console.log(`${name}: ${found.passes} rules pass, ${found.violations.length} violations, ` +
        `undecided: ${found.incomplete.join(" ") || "none"}`);
      if (found.passes < 10) problems.push(`${name}: axe-core found too little to look at`);
      const shot = await ask("Page.captureScreenshot", { captureBeyondViewport: true });
      writeFileSync(join(output, `innsyn-${name}.png`), Buffer.from(shot.data, "base64"));
    }
  }
  await open(1280, 900, false, "dark");
  const paper = { printBackground: true, preferCSSPageSize: true, paperWidth: 8.27, paperHeight: 11.69 };
  const pdf = await ask("Page.printToPDF", paper);
  writeFileSync(join(output, "innsyn.pdf"), Buffer.from(pdf.data, "base64"));
} catch (error) {
  fail(error.message);
}
clearTimeout(deadline);
// Its processes write into the profile until they are gone.
const gone = new Promise((resolve) => chromium.on("exit", resolve));
await send("Browser.close").catch(() => {});
await gone;
rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
if (problems.length > 0) {
  problems.forEach((problem) => console.error(problem));
  process.exit(1);
}
console.log(`no violations; screenshots and innsyn.pdf are in ${output}`);
process.exit(0);
