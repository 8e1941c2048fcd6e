// SPDX-License-Identifier: GPL-3.0-or-later
// A person's way through the pages. Driven by run.py, which starts the gate and the practice identity provider.
import { readFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const { GATE, IDP, INVITATION, CHROMIUM, GATEHOUSE_SHOTS, BACK, REPORTS, PHONE } = process.env;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
if (GATEHOUSE_SHOTS) mkdirSync(GATEHOUSE_SHOTS, { recursive: true });

let passed = 0, failed = 0;
async function test(name, options, run) {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-browser-"));
  const context = await chromium.launchPersistentContext(folder,
    { executablePath: CHROMIUM, headless: true, args: flags, viewport: { width: 1000, height: 800 }, ...options });
  context.setDefaultTimeout(10000);
  const page = await context.newPage();
  try {
    await run(page, context);
    passed++;
    console.log(`ok   ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}\n     at ${page.url()}\n     ${error.stack}`);
    if (GATEHOUSE_SHOTS) await page.screenshot({ path: join(GATEHOUSE_SHOTS, `failed-${failed}.png`) }).catch(() => {});
  } finally {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

// Where the applications are: another origin than the gate, to which its policy for forms does not reach by itself.
const application = createServer((_request, response) => {
  response.setHeader("Content-Type", "text/html");
  response.end("<!doctype html><html lang=en><title>Back</title><main><h1>Back at the application</h1></main>");
}).listen(Number(new URL(BACK).port), "127.0.0.1");

function authorize(client, more = {}) {
  return `${GATE}/oauth2/authorize?` + new URLSearchParams({ response_type: "code", client_id: client, redirect_uri: BACK,
    scope: "openid", state: "s-1", code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256", ...more });
}

async function isBack(page) {
  await page.waitForURL(BACK + "?**");
  await page.getByRole("heading", { name: "Back at the application" }).waitFor();
  return new URL(page.url()).searchParams;
}

async function shot(page, name) {
  if (GATEHOUSE_SHOTS) await page.screenshot({ path: join(GATEHOUSE_SHOTS, `${name}.png`), fullPage: true });
}

// axe-core runs in the page's world by the debugger, past the page's own Content-Security-Policy.
async function accessible(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run(document));
  assert.deepEqual(result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`), []);
}

async function toTheIdp(page) {
  await page.goto(GATE + "/");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Your work e-mail address").fill("Ada@Demo.Example");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(IDP + "/**");
}

async function isAda(page) {
  await page.waitForURL(GATE + "/");
  await page.getByRole("heading", { name: "You are signed in" }).waitFor();
  const text = await page.locator("main").innerText();
  for (const part of ["ada@demo.example", "demo", "Admin", "Admins"]) {
    assert.ok(text.includes(part), `"${part}" is not on the page: ${text}`);
  }
}

await test("ada signs in through her identity provider and sees who she is, and signs out", {}, async (page, context) => {
  const faults = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  await page.goto(GATE + "/");
  await accessible(page);
  await shot(page, "welcome");
  await page.getByRole("button", { name: "Sign in" }).click();
  await accessible(page);
  await shot(page, "login");
  await toTheIdp(page);
  await accessible(page);
  await shot(page, "idp");
  await page.locator('button[value="ada@demo.example"]').click();
  await isAda(page);
  await accessible(page);
  await shot(page, "signed-in");
  const cookies = await context.cookies(GATE);
  const session = cookies.find((c) => c.name === "__Host-gatehouse");
  assert.ok(session && session.httpOnly && session.secure && session.sameSite === "Lax");
  assert.deepEqual(cookies.filter((c) => c.name.startsWith("__Host-gatehouse-")), []);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(GATE + "/?signed_out=*");
  await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  await accessible(page);
  await shot(page, "signed-out");
  assert.deepEqual(faults, [], "the browser's console shows errors");
});

await test("without JavaScript each step has a button", { javaScriptEnabled: false }, async (page) => {
  await toTheIdp(page);
  await page.locator('button[value="ada@demo.example"]').click();
  await page.locator("form button").first().click();
  await isAda(page);
});

await test("the keyboard is enough", {}, async (page) => {
  await page.goto(GATE + "/");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(GATE + "/login*");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.type("ada@demo.example");
  await page.keyboard.press("Enter");
  await page.waitForURL(IDP + "/**");
});

await test("a browser that holds back the binding cookie gets in by the second post", { javaScriptEnabled: false },
  async (page, context) => {
    await toTheIdp(page);
    // What a browser does that treats every cookie as SameSite=Lax: none on the cross-site post, all on the same-site one.
    const kept = await context.cookies(GATE);
    assert.equal(kept.filter((c) => c.name.startsWith("__Host-gatehouse-") && c.sameSite === "None").length, 1);
    await page.locator('button[value="ada@demo.example"]').click();
    await context.clearCookies();
    await page.locator("form button").first().click();
    await page.waitForURL(GATE + "/saml/demo/acs");
    assert.match(await page.locator("main").innerText(), /held back a cookie/);
    await context.addCookies(kept);
    await page.locator("form button").first().click();
    await isAda(page);
  });

await test("an address of no identity provider is asked for a password, on an accessible page", {}, async (page) => {
  await page.goto(GATE + "/login");
  await page.getByLabel("Your work e-mail address").fill("who@nowhere.example");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await accessible(page);
  await shot(page, "password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  assert.match(await page.getByRole("alert").innerText(), /is not right/);
  assert.equal(await page.getByLabel("Your e-mail address").inputValue(), "who@nowhere.example");
  await accessible(page);
  await shot(page, "password-wrong");
  await page.getByRole("link", { name: "Forgot password?" }).click();
  await accessible(page);
  await shot(page, "forgot");
  await page.getByLabel("Your e-mail address").fill("who@nowhere.example");
  await page.getByRole("button", { name: "Send the letter" }).click();
  await page.getByRole("heading", { name: "Look into your mail" }).waitFor();
  await accessible(page);
});

// What an authenticator shows (RFC 6238).
function totp(secret) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replaceAll(" ", "")].map((c) => letters.indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const digest = createHmac("sha1", key).update(counter).digest();
  const at = digest[19] & 15;
  return String((digest.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, "0");
}

let recoveryCode; // that the next test may use
await test("bea follows her invitation, signs in with a password, and sets up a second factor", { javaScriptEnabled: true },
  async (page) => {
    const faults = [];
    page.on("console", (message) => message.type() === "error" && !/ 4(01|22) /.test(message.text()) && faults.push(message.text()));
    await page.goto(INVITATION);
    await accessible(page);
    await shot(page, "invitation");
    await page.getByLabel("New password", { exact: true }).fill("password1234");
    await page.getByLabel("New password, once more").fill("password1234");
    await page.getByRole("button", { name: "Set the password" }).click();
    await page.getByRole("alert").waitFor();
    await accessible(page);
    await shot(page, "invitation-weak");
    await page.getByLabel("First name").fill("Bea");
    await page.getByLabel("Last name").fill("Local");
    await page.getByLabel("New password", { exact: true }).fill("correct horse battery");
    await page.getByLabel("New password, once more").fill("correct horse battery");
    await page.getByRole("button", { name: "Set the password" }).click();
    await page.getByRole("heading", { name: "You are in" }).waitFor();
    await accessible(page);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByLabel("Your e-mail address").fill("bea@local.example");
    await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "You are signed in" }).waitFor();
    await accessible(page);
    await shot(page, "signed-in-by-password");
    await page.getByRole("link", { name: "Change your password" }).click();
    await page.getByRole("heading", { name: "Change your password" }).waitFor();
    await accessible(page);
    await shot(page, "change");
    await page.goto(GATE + "/second-factor/setup");
    await accessible(page);
    await page.getByLabel("Your password").fill("correct horse battery");
    await page.getByRole("button", { name: "Set it up" }).click();
    await page.getByRole("img", { name: "The same key as a QR code" }).waitFor();
    await accessible(page);
    await shot(page, "factor-secret");
    await page.getByLabel("The code that the app shows now").fill(totp(await page.locator(".secret").innerText()));
    await page.getByRole("button", { name: "Confirm" }).click();
    await page.getByRole("heading", { name: "Your recovery codes" }).waitFor();
    await accessible(page);
    await shot(page, "recovery-codes");
    const code = await page.locator(".codes code").first().innerText();
    recoveryCode = await page.locator(".codes code").nth(1).innerText();
    await page.getByRole("link", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.goto(GATE + "/password");
    await page.getByLabel("Your e-mail address").fill("bea@local.example");
    await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "One more step" }).waitFor();
    await accessible(page);
    await shot(page, "second-factor");
    await page.getByLabel("Code of your authenticator app, or a recovery code").fill(code);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("heading", { name: "You are signed in" }).waitFor();
    await accessible(page);
    assert.deepEqual(faults, [], "the browser's console shows errors");
  });

await test("who signs in with a password and a second factor gets to the application that asked", {}, async (page) => {
  await page.goto(authorize(REPORTS, { login_hint: "bea@local.example" }));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Code of your authenticator app, or a recovery code").fill(recoveryCode);
  await page.getByRole("button", { name: "Continue" }).click();
  const answer = await isBack(page);
  assert.ok(answer.get("code"));
  assert.equal(answer.get("state"), "s-1");
});

await test("who signs in with a password alone gets to the application that asked", {}, async (page) => {
  await page.goto(authorize(REPORTS, { login_hint: "cem@local.example" }));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await page.getByRole("button", { name: "Sign in" }).click();
  assert.ok((await isBack(page)).get("code"));
});

await test("who needed the second post gets to the application that asked", { javaScriptEnabled: false }, async (page, context) => {
  await page.goto(authorize(REPORTS, { connection: "demo" }));
  const kept = await context.cookies(GATE);
  await page.locator('button[value="ada@demo.example"]').click();
  await context.clearCookies();
  await page.locator("form button").first().click();
  await page.waitForURL(GATE + "/saml/demo/acs");
  await context.addCookies(kept);
  await page.locator("form button").first().click();
  assert.ok((await isBack(page)).get("code"));
});

await test("an application without a secret is asked about, and gets a code or a no", {}, async (page) => {
  await page.goto(authorize(PHONE, { connection: "demo" }));
  await page.locator('button[value="ada@demo.example"]').click();
  await page.getByRole("heading", { name: "Sign in to Phone?" }).waitFor();
  assert.match(await page.locator("main").innerText(), /ada@demo\.example/);
  await accessible(page);
  await shot(page, "sign-in-to");
  await page.getByRole("button", { name: "Go on" }).click();
  const answer = await isBack(page);
  assert.ok(answer.get("code"));
  assert.equal(answer.get("state"), "s-1");
  await page.goto(authorize(PHONE));
  await page.getByRole("link", { name: "No, I did not start it" }).click();
  assert.equal((await isBack(page)).get("error"), "access_denied");
  // Another site cannot frame it, to have the button pressed unseen.
  await page.goto(BACK);
  await page.evaluate((url) => {
    const frame = document.createElement("iframe");
    frame.src = url;
    document.body.append(frame);
  }, authorize(PHONE));
  await page.waitForFunction(() => document.querySelector("iframe").contentDocument === null);
  await page.waitForTimeout(500);
  for (const frame of page.frames().slice(1)) assert.equal(await frame.getByRole("button").count(), 0);
});

await test("a refused login names its reason and its number", {}, async (page) => {
  await toTheIdp(page);
  await page.locator("summary").first().click();
  await page.locator('select[name="fault"]').selectOption("wrong-audience");
  await page.locator('button[value="ada@demo.example"]').click();
  await page.waitForURL(GATE + "/**");
  const text = await page.locator("main").innerText();
  assert.match(text, /conditions\.audience/);
  assert.match(text, /trc_/);
  await accessible(page);
  await shot(page, "refused");
});

await test("a narrow screen needs no scrolling sideways", { viewport: { width: 340, height: 700 } }, async (page) => {
  await toTheIdp(page);
  await page.locator('button[value="ada@demo.example"]').click();
  await isAda(page);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  assert.equal(wide, false);
  await shot(page, "narrow");
});

application.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
