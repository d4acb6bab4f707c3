"""The page's own sentences, in every language: those that the server says (`SAYS`) and those of the page (`SHOWS`)."""

from __future__ import annotations

from handlers.words import Words

SAYS = {
    "not_understood": Words(en="This could not be understood. Reload the page.", zh="无法识别这个请求，请刷新页面。"),
    "no_browser": Words(en="Reload the page: its cookie is missing.", zh="缺少 Cookie，请刷新页面。"),
    "not_yours": Words(en="This conversation belongs to another browser.", zh="这个对话属于另一个浏览器。"),
    "starting": Words(en="The bot is still starting.", zh="机器人正在启动。"),
    "empty": Words(en="There is nothing to send.", zh="没有可发送的内容。"),
    "too_long": Words(en="This is too long to send.", zh="内容太长，无法发送。"),
    "too_many_files": Words(en="At most {count} files at once.", zh="一次最多发送 {count} 个文件。"),
    "too_large": Words(en="{name} is larger than {limit} MB.", zh="{name} 超过了 {limit} MB。"),
    "file_gone": Words(en="{name} is no longer here. Send it again.", zh="{name} 已不存在，请重新发送。"),
    "spool_full": Words(en="There is no room for more files right now.", zh="暂时没有空间接收更多文件。"),
    "too_many_pages": Words(en="Too many pages are open.", zh="打开的页面过多。"),
    "failed": Words(en="That went wrong on our side.", zh="我们这边出错了。"),
    "wrong_host": Words(
        en="Open this page as http://localhost or http://127.0.0.1, or set WEB_PASSWORD.",
        zh="请用 http://localhost 或 http://127.0.0.1 打开本页，或设置 WEB_PASSWORD。",
    ),
    "wrong_origin": Words(en="Refused: this did not come from the page itself.", zh="已拒绝：请求并非来自本页面。"),
    "log_in": Words(en="Log in first.", zh="请先登录。"),
    "wrong_password": Words(en="That is not the password.", zh="密码不正确。"),
    "tries": Words(
        en="Too many tries. Wait {minutes} minutes, then try again.", zh="尝试次数过多，请 {minutes} 分钟后再试。"
    ),
}

SHOWS = {
    "standin": Words(
        en="Answers come from the built-in stand-in relay, not from a model. Set POLO_API_KEY to talk to a real one.",
        zh="当前回答来自内置的模拟中转站，并非真实模型。设置 POLO_API_KEY 即可使用真实模型。",
    ),
    "noscript": Words(en="This page needs JavaScript.", zh="本页面需要 JavaScript。"),
    "skip": Words(en="Skip to the message field", zh="跳到输入框"),
    "conversations": Words(en="Conversations", zh="对话"),
    "new": Words(en="New conversation", zh="新对话"),
    "open_list": Words(en="Show conversations", zh="显示对话列表"),
    "close_list": Words(en="Close the list", zh="关闭列表"),
    "untitled": Words(en="New conversation", zh="新对话"),
    "remove": Words(en="Remove from the list", zh="从列表中移除"),
    "remove_title": Words(en="Remove this conversation from the list?", zh="从列表中移除这个对话？"),
    "remove_why": Words(
        en="It is only taken off the list here. To delete what was said, use /privacy in the conversation first.",
        zh="这里只是从列表中移除。若要删除聊天内容，请先在对话中使用 /privacy。",
    ),
    "cancel": Words(en="Cancel", zh="取消"),
    "ok": Words(en="OK", zh="确定"),
    "send_form": Words(en="Send", zh="提交"),
    "message": Words(en="Message", zh="消息"),
    "placeholder": Words(en="Ask anything, or type /", zh="随便问，或输入 / 查看命令"),
    "send": Words(en="Send", zh="发送"),
    "stop": Words(en="Stop", zh="停止"),
    "attach": Words(en="Add files", zh="添加文件"),
    "drop": Words(en="Drop files to add them", zh="松开即可添加文件"),
    "detach": Words(en="Take {name} off", zh="移除 {name}"),
    "uploading": Words(en="{percent}%", zh="{percent}%"),
    "upload_failed": Words(en="{name} could not be sent.", zh="{name} 发送失败。"),
    "file_too_large": Words(en="{name} is larger than {limit} MB.", zh="{name} 超过了 {limit} MB。"),
    "too_many_files": Words(en="At most {count} files at once.", zh="一次最多发送 {count} 个文件。"),
    "wait_upload": Words(en="Wait until the files are there.", zh="请等待文件上传完成。"),
    "text_too_long": Words(en="This is too long to send. Send it as a file.", zh="内容太长，请以文件形式发送。"),
    "copy": Words(en="Copy", zh="复制"),
    "copied": Words(en="Copied", zh="已复制"),
    "copy_answer": Words(en="Copy the answer", zh="复制回答"),
    "reply": Words(en="Reply to this", zh="回复这条"),
    "edit": Words(en="Edit and ask again", zh="编辑并重新提问"),
    "editing": Words(en="Editing your last question", zh="正在编辑你的上一个问题"),
    "replying": Words(en="Replying to: {text}", zh="回复：{text}"),
    "you": Words(en="You", zh="你"),
    "bot": Words(en="Bot", zh="机器人"),
    "messages": Words(en="Conversation", zh="对话内容"),
    "typing": Words(en="Working on it…", zh="正在处理……"),
    "sending": Words(en="Sending…", zh="正在发送……"),
    "not_sent": Words(en="Not sent", zh="未发送"),
    "again": Words(en="Try again", zh="重试"),
    "discard": Words(en="Discard", zh="丢弃"),
    "connecting": Words(en="Connecting…", zh="正在连接……"),
    "offline": Words(en="Connection lost. Trying again…", zh="连接已断开，正在重试……"),
    "earlier": Words(en="Show earlier messages", zh="显示更早的消息"),
    "newest": Words(en="To the newest message", zh="回到最新消息"),
    "welcome": Words(en="What can I do for you?", zh="有什么可以帮你？"),
    "welcome_more": Words(
        en="Ask a question, send a file, or start with a command.", zh="直接提问、发送文件，或从一个命令开始。"
    ),
    "download": Words(en="Download {name}", zh="下载 {name}"),
    "commands": Words(en="Commands", zh="命令"),
    "choices": Words(en="Choices", zh="可选项"),
    "optional": Words(en="optional", zh="可选"),
    "language": Words(en="Language", zh="语言"),
    "your_id": Words(en="Your id for OWNERS and ALLOW", zh="你的 ID，可用于 OWNERS 和 ALLOW"),
    "log_out": Words(en="Log out", zh="退出登录"),
    "log_in": Words(en="Log in", zh="登录"),
    "password": Words(en="Password", zh="密码"),
    "password_hint": Words(
        en="The operator of this bot has set it (WEB_PASSWORD).", zh="由管理员设置（WEB_PASSWORD）。"
    ),
    "updated": Words(en="This page has a new version.", zh="页面有新版本。"),
    "reload": Words(en="Reload", zh="刷新"),
}


def shown_in(language: str) -> dict[str, str]:
    """Return the page's sentences in one language; blanks stay for the page to fill."""
    return {name: words.in_language(language) for name, words in SHOWS.items()}
