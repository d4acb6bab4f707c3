"""The Bot API's methods, as far as bots of this kind use them; each takes the parameters and returns the result."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.fakes.telegram.rules import ACTIONS, ENTITIES, Refusal, bad, check_keyboard, checked_text
from tests.fakes.telegram.schema import Uploaded
from tests.fakes.telegram.world import DRAFT_S, Chat, Json

if TYPE_CHECKING:
    from tests.fakes.telegram.server import FakeTelegram

DOWNLOAD_LIMIT = 20 << 20  # bytes: Bot API, getFile
QUERY_S = 60.0  # how long a press can be answered (unverified: 15 to 60 s)
DELETE_S = 48 * 3600.0
UNCHANGED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)

Method = Callable[[Json], Any]


class Methods:
    """What the server does; state lies in the chats and in `FakeTelegram`."""

    def __init__(self, telegram: FakeTelegram) -> None:
        self._telegram = telegram
        self.menus: dict[str, list[Json]] = {}  # by scope and language
        self._table: dict[str, Method] = {
            "getMe": self._get_me,
            "getWebhookInfo": self._get_webhook_info,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "sendMessage": self._send_message,
            "sendDocument": self._send_document,
            "sendPhoto": self._send_photo,
            "sendVoice": self._send_voice,
            "sendMessageDraft": self._send_message_draft,
            "editMessageText": self._edit_message_text,
            "editMessageCaption": self._edit_message_caption,
            "editMessageReplyMarkup": self._edit_message_reply_markup,
            "deleteMessage": self._delete_message,
            "sendChatAction": self._send_chat_action,
            "answerCallbackQuery": self._answer_callback_query,
            "setMyCommands": self._set_my_commands,
            "deleteMyCommands": self._delete_my_commands,
            "getFile": self._get_file,
            "getChatAdministrators": self._get_chat_administrators,
            "getChatMember": self._get_chat_member,
        }

    def do(self, method: str, parameters: Json) -> Any:
        """Run a method. Raises `Refusal`."""
        if method not in self._table:
            raise Refusal(404, "Not Found")
        return self._table[method](parameters)

    # ------------------------------------------------------------ the bot itself

    def _get_me(self, _: Json) -> Json:
        flags = ("can_connect_to_business", "has_main_web_app", "supports_inline_queries", "has_topics_enabled")
        return self._telegram.bot.raw() | {
            "can_join_groups": True,
            "can_read_all_group_messages": not self._telegram.privacy,
            **dict.fromkeys(flags, False),
        }

    def _get_webhook_info(self, _: Json) -> Json:
        hook = self._telegram.hook
        info: Json = {
            "url": hook.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._telegram.waiting),
        }
        return info | ({"last_error_date": 0, "last_error_message": hook.error} if hook.error else {})

    def _set_webhook(self, given: Json) -> bool:
        secret = given.get("secret_token", "")
        if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise bad("secret token contains unallowed characters")
        if not re.match(r"https://|http://127\.0\.0\.1", given["url"]):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        self._telegram.set_hook(given["url"], secret, given.get("allowed_updates"))
        return True

    def _delete_webhook(self, given: Json) -> bool:
        self._telegram.set_hook("", "", None)
        if given.get("drop_pending_updates"):
            self._telegram.waiting.clear()
        return True

    def _set_my_commands(self, given: Json) -> bool:
        if len(given["commands"]) > 100:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        for command in given["commands"]:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
                raise bad("BOT_COMMAND_INVALID")
            if not 1 <= len(command["description"]) <= 256:
                raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.menus[_menu_key(given)] = given["commands"]
        return True

    def _delete_my_commands(self, given: Json) -> bool:
        self.menus.pop(_menu_key(given), None)
        return True

    # ------------------------------------------------------------ messages

    def _chat(self, given: Json, *, flood: bool = True, draft: bool = False) -> Chat:
        chat = self._telegram.chats.get(given["chat_id"])
        if chat is None:
            raise bad("chat not found")
        if chat.migrated_to is not None:
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to.id)
        if chat.closed:
            raise Refusal(403, chat.closed)
        if flood:
            self._telegram.count(chat.id, draft=draft)
        return chat

    def _post(self, given: Json, content: Json) -> Json:
        chat = self._chat(given)
        thread = chat.thread_for(given.get("message_thread_id"))
        check_keyboard(given.get("reply_markup"))
        reply = given.get("reply_parameters", {})
        earlier = chat.find(reply["message_id"]) if reply else None
        if reply and earlier is None and not reply.get("allow_sending_without_reply"):
            raise bad("message to be replied not found")
        raw: Json = {
            "message_id": chat.next_id(),
            "date": int(self._telegram.clock.now()),
            "chat": chat.raw(),
            "from": self._telegram.bot.raw(),
            **content,
        }
        if thread is not None:
            raw |= {"message_thread_id": thread, "is_topic_message": True}
        if earlier is not None:
            raw["reply_to_message"] = {name: value for name, value in earlier.items() if name != "reply_to_message"}
        if markup := given.get("reply_markup"):
            raw["reply_markup"] = markup
        chat.drafts.clear()
        chat.other_bot_spoke_last = False
        return chat.add(raw)

    def _send_message(self, given: Json) -> Json:
        return self._post(given, self._words(given, "text", "entities"))

    def _send_document(self, given: Json) -> Json:
        file = given["document"]
        stored = self._stored(file, "documents")
        named = {"file_name": file.name, "mime_type": file.media_type} if isinstance(file, Uploaded) else {}
        return self._post(given, {"document": stored | named} | self._words(given, "caption", "caption_entities"))

    def _send_photo(self, given: Json) -> Json:
        size = self._stored(given["photo"], "photos") | {"width": 1024, "height": 1024}
        return self._post(given, {"photo": [size]} | self._words(given, "caption", "caption_entities"))

    def _send_voice(self, given: Json) -> Json:
        voice = self._stored(given["voice"], "voice") | {"duration": given.get("duration", 0), "mime_type": "audio/ogg"}
        return self._post(given, {"voice": voice} | self._words(given, "caption", "caption_entities"))

    def _stored(self, file: Uploaded | str, folder: str) -> Json:
        if isinstance(file, Uploaded):
            return self._telegram.store(file.content, f"{folder}/{file.name}")
        if file not in self._telegram.files:
            raise bad("wrong file identifier/HTTP URL specified")
        return self._telegram.files[file].raw()

    def _words(self, given: Json, name: str, entities_name: str) -> Json:
        if "parse_mode" in given:
            self._telegram.violations.append("this fake parses no parse_mode: send entities")
        if name not in given and name == "caption":
            return {}
        entities = given.get(entities_name, [])
        if len(entities) > ENTITIES:
            self._telegram.violations.append(f"{len(entities)} entities: more than {ENTITIES} lose their format")
        text, kept = checked_text(given[name], entities, caption=name == "caption")
        return {name: text} | ({entities_name: kept} if kept else {})

    def _send_message_draft(self, given: Json) -> bool:
        chat = self._chat(given, draft=True)
        if not chat.private:
            raise bad("message drafts can be sent only to private chats")  # the server's own words are unknown
        if given["draft_id"] == 0:
            raise bad("draft identifier must be non-zero")
        chat.thread_for(given.get("message_thread_id"))
        if given.get("text"):
            checked_text(given["text"], given.get("entities", []))
        until = self._telegram.clock.monotonic() + DRAFT_S
        chat.drafts[given["draft_id"]] = (until, {"text": "", **given})
        return True

    def _own(self, given: Json, chat: Chat) -> Json:
        raw = chat.find(given["message_id"])
        if raw is None:
            raise bad("message to edit not found")
        if raw["from"]["id"] != self._telegram.bot.id:
            raise bad("message can't be edited")
        return raw

    def _edit(self, given: Json, name: str, entities_name: str) -> Json:
        chat = self._chat(given)
        check_keyboard(given.get("reply_markup"))
        words = self._words(given, name, entities_name)
        raw = self._own(given, chat)
        if (name == "text") != ("text" in raw):
            raise bad(f"there is no {name} in the message to edit")
        wanted = words | ({"reply_markup": given["reply_markup"]} if given.get("reply_markup") else {})
        standing = {key: raw[key] for key in (name, entities_name, "reply_markup") if key in raw}
        if wanted == standing or (name == "caption" and {name: "", **wanted} == {name: "", **standing}):
            raise bad(UNCHANGED)
        for key in (entities_name, "reply_markup"):
            raw.pop(key, None)
        raw |= wanted | {"edit_date": int(self._telegram.clock.now())}
        return raw

    def _edit_message_text(self, given: Json) -> Json:
        return self._edit(given, "text", "entities")

    def _edit_message_caption(self, given: Json) -> Json:
        return self._edit({"caption": "", **given}, "caption", "caption_entities")

    def _edit_message_reply_markup(self, given: Json) -> Json:
        chat = self._chat(given)
        check_keyboard(given.get("reply_markup"))
        raw = self._own(given, chat)
        if raw.get("reply_markup") == given.get("reply_markup"):
            raise bad(UNCHANGED)
        raw.pop("reply_markup", None)
        raw |= {"reply_markup": given["reply_markup"]} if given.get("reply_markup") else {}
        return raw

    def _delete_message(self, given: Json) -> bool:
        chat = self._chat(given, flood=False)
        raw = chat.find(given["message_id"])
        if raw is None:
            raise bad("message to delete not found")
        if self._telegram.clock.now() - raw["date"] > DELETE_S:
            raise bad("message can't be deleted")
        chat.forget(given["message_id"])
        return True

    def _send_chat_action(self, given: Json) -> bool:
        chat = self._chat(given, flood=False)
        if given["action"] not in ACTIONS:
            raise bad("wrong parameter action in request")
        chat.thread_for(given.get("message_thread_id"))
        return True

    # ------------------------------------------------------------ the rest

    def _answer_callback_query(self, given: Json) -> bool:
        pressed_at = self._telegram.queries.pop(given["callback_query_id"], None)
        if pressed_at is None or self._telegram.clock.monotonic() - pressed_at > QUERY_S:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        if len(given.get("text", "")) > 200:
            raise bad("MESSAGE_TOO_LONG")
        return True

    def _get_file(self, given: Json) -> Json:
        file = self._telegram.files.get(given["file_id"])
        if file is None:
            raise bad("wrong file_id or the file is temporarily unavailable")
        if file.size > DOWNLOAD_LIMIT and not self._telegram.local_server:
            raise bad("file is too big")
        return file.raw() | {"file_path": file.path}

    def _get_chat_administrators(self, given: Json) -> list[Json]:
        chat = self._chat(given, flood=False)
        schema = self._telegram.schema
        return [
            schema.filled("ChatMemberAdministrator", user=chat.members[admin].raw(), can_be_edited=False)
            for admin in sorted(chat.admins)
        ]

    def _get_chat_member(self, given: Json) -> Json:
        chat = self._chat(given, flood=False)
        member = chat.members.get(given["user_id"])
        if member is None:
            raise bad("member not found")
        kind = "ChatMemberAdministrator" if member.id in chat.admins else "ChatMemberMember"
        return self._telegram.schema.filled(kind, user=member.raw())


def _menu_key(given: Json) -> str:
    scope = given.get("scope", {"type": "default"})
    return f"{scope['type']}/{given.get('language_code', '')}" if len(scope) == 1 else json.dumps(scope)
