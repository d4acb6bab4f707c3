// The page: joins the stream, the transcript, the message field and the list of conversations.

import { call } from "./api.js";
import { boot, byId, el, t } from "./boot.js";
import { Chats } from "./chats.js";
import { Composer } from "./composer.js";
import { askForm, notice } from "./dialogs.js";
import { Outbox } from "./outbox.js";
import { Stream } from "./stream.js";
import { Transcript } from "./transcript.js";

const MORE_TURNS = 200;
const STARTERS = 6;
let typingUntil = 0;
let typingTimer = 0;
let settled = false; // the first snapshot is there

const outbox = new Outbox((item, state, sentence) => {
  if (item.chat === chats.current && item.what.type === "say") transcript.mark(item.event, state === "sent" ? null : state, sentence);
  if (state === "refused" && item.what.type !== "say") notice(sentence);
});
const transcript = new Transcript({
  press,
  reply: (data, text) => composer.reply(data, text),
  edit: (data) => composer.edit(data),
  retry: (event) => outbox.retry(event),
  discard: (event) => {
    outbox.discard(event);
    transcript.mark(event, null);
    transcript.remove(event);
  },
  changed,
});
const composer = new Composer({ send, stop });
const stream = new Stream(hear, status, () => Boolean(running()));
const chats = new Chats((chat) => {
  settled = false;
  typing(0);
  transcript.clear();
  composer.open(chat);
  stream.follow(chat);
});

// ------------------------------------------------------------ what the server tells

function hear(name, data, position) {
  if (name === "snapshot") {
    settled = true;
    const unsent = outbox.of(chats.current).filter(({ what }) => what.type === "say").map(echo);
    transcript.all(data.messages, data.ended_at, unsent, position);
    byId("earlier").hidden = !data.more;
    changed();
  }
  if (name === "message") {
    if (data.by === "bot") typing(0);
    transcript.put(data);
  }
  if (name === "patch") {
    typing(0);
    if (!transcript.patch(data)) stream.again();
  }
  if (name === "gone") transcript.remove(data.id);
  if (name === "typing") typing(data.for_s);
  if (name === "notice") notice(data.text);
}

function status(state) {
  if (state === "updated") return updated();
  byId("status").textContent = { open: "", connecting: t("connecting"), starting: t("connecting"), offline: t("offline") }[state];
  byId("status").dataset.state = state;
  if (state === "open") outbox.flush();
}

let toldUpdate = false;
function updated() {
  if (!toldUpdate) notice(t("updated"), { label: t("reload"), press: () => location.reload() });
  toldUpdate = true;
}

function typing(seconds) {
  clearTimeout(typingTimer);
  typingUntil = seconds ? Date.now() + seconds * 1000 : 0;
  if (seconds) typingTimer = setTimeout(() => typing(0), seconds * 1000);
  byId("typing").hidden = !seconds;
  changed();
}

function running() {
  return transcript.growing || typingUntil > Date.now();
}

function changed() {
  composer.running(Boolean(running()));
  byId("welcome").hidden = !settled || !transcript.empty;
  if (settled && transcript.firstAsked) chats.named(transcript.firstAsked, 0);
}

// ------------------------------------------------------------ what the person does

function echo({ event, what, at }) {
  return { id: event, by: "you", at, text: what.text, files: what.files, state: "sending" };
}

function send({ text, files, edit, quote }) {
  const plainFiles = files.map(({ preview, ...file }) => file);
  if (edit) {
    outbox.post(chats.current, { type: "edit", message: edit.id, text, files: plainFiles });
    transcript.put({ ...edit, text, files });
    return;
  }
  const item = outbox.post(chats.current, { type: "say", text, files: plainFiles, quote });
  transcript.put({ ...echo(item), files });
  transcript.toEnd();
  chats.named(text || files[0].name, item.at);
}

async function press(button, message, node) {
  const chat = chats.current;
  node.disabled = true;
  try {
    if (button.id.startsWith("f:")) {
      const { form } = await call("/api/form", { chat, action: button.id });
      if (form) {
        const fields = await askForm(form);
        if (fields) outbox.post(chat, { type: "submit", action: button.id, fields, message: message.id });
        return;
      }
    }
    outbox.post(chat, { type: "press", action: button.id, message: message.id });
  } catch (error) {
    notice(error.message);
  } finally {
    setTimeout(() => (node.disabled = false), 600); // a double click is one press
  }
}

function stop() {
  const growing = transcript.growing;
  const button = growing?.buttons.flat().find(({ id }) => id.startsWith("stop:"));
  if (button) outbox.post(chats.current, { type: "press", action: button.id, message: growing.id });
  else if (boot.commands.some(({ name }) => name === "stop")) outbox.post(chats.current, { type: "invoke", command: "stop" });
}

// ------------------------------------------------------------ around it

byId("earlier").addEventListener("click", () => stream.follow(chats.current, MORE_TURNS));
byId("language").addEventListener("change", (event) => {
  document.cookie = `polobot_language=${event.target.value}; Path=/; Max-Age=31536000; SameSite=Lax`;
  location.reload();
});
byId("person").addEventListener("click", async () => {
  getSelection().selectAllChildren(byId("person"));
  await navigator.clipboard?.writeText(boot.person).then(() => notice(t("copied")), () => null);
});
byId("starters").replaceChildren(
  ...boot.commands.filter(({ name, urgent }) => name !== "start" && !urgent).slice(0, STARTERS).map(({ name, hint }) =>
    el("li", {}, el("button", { type: "button", onclick: () => composer.fill(`/${name} `) }, el("b", {}, `/${name}`), el("span", { dir: "auto" }, hint))),
  ),
);
chats.start();
