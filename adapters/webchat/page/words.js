// What the page itself says. The shop's own texts come with the page.

const WORDS = {
  en: {
    assistant: "automatic assistant",
    conversation: "Conversation",
    write: "Write a message",
    placeholder: "Write a message…",
    send: "Send",
    menu: "Menu",
    close: "Close chat",
    newConversation: "New conversation",
    talkToPerson: "Talk to a person",
    language: "Language",
    help: "Help",
    preferPerson: "Prefer a person?",
    suggestions: "Suggested questions",
    you: "You",
    team: "Shop team",
    typing: (name) => `${name} is writing`,
    newer: "New message",
    reconnecting: "Connection lost. Reconnecting…",
    waiting: "Waiting to be sent…",
    tooLong: (over) => `${over} characters too many. Please shorten it or send it in parts.`,
    empty: "Write a few words first.",
    today: "Today",
    yesterday: "Yesterday",
    approved: "Checked by the shop",
    grounded: "Based on the shop’s information",
    quoted: "From the shop’s information",
    looked_up: "From the shop’s system",
    products: "Products",
    choices: "You can reply",
    commands: {
      start: () => "You opened the chat",
      new: () => "You began a new conversation",
      human: () => "You asked for a person",
      help: () => "You asked for help",
      language: (argument) => `You chose ${argument}`,
    },
  },
  zh: {
    assistant: "智能助手（自动回复）",
    conversation: "对话",
    write: "输入消息",
    placeholder: "输入消息…",
    send: "发送",
    menu: "菜单",
    close: "关闭聊天",
    newConversation: "开始新对话",
    talkToPerson: "联系人工客服",
    language: "语言",
    help: "帮助",
    preferPerson: "需要人工服务？",
    suggestions: "常见问题",
    you: "您",
    team: "店铺客服",
    typing: (name) => `${name} 正在输入`,
    newer: "新消息",
    reconnecting: "连接已断开，正在重新连接…",
    waiting: "等待发送…",
    tooLong: (over) => `超出 ${over} 个字符，请缩短或分几条发送。`,
    empty: "请先写几个字。",
    today: "今天",
    yesterday: "昨天",
    approved: "店铺已核实",
    grounded: "根据店铺资料",
    quoted: "摘自店铺资料",
    looked_up: "来自店铺系统",
    products: "商品",
    choices: "可选回复",
    commands: {
      start: () => "您打开了聊天",
      new: () => "您开始了新对话",
      human: () => "您要求联系人工客服",
      help: () => "您查看了帮助",
      language: (argument) => `您选择了${argument}`,
    },
  },
};

export function wordsIn(language) {
  return WORDS[language.split("-")[0].toLowerCase()] ?? WORDS.en;
}

/** The language's own name, e.g. 中文. */
export function nameOf(language) {
  try {
    const name = new Intl.DisplayNames([language], { type: "language" }).of(language);
    return name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
  } catch {
    return language;
  }
}

/** The first of `wanted` that is offered; the same base language is good enough. */
export function bestLanguage(offered, wanted) {
  const base = (tag) => tag.split("-")[0].toLowerCase();
  for (const tag of wanted) {
    const found =
      offered.find((one) => one.toLowerCase() === tag.toLowerCase()) ?? offered.find((one) => base(one) === base(tag));
    if (found) return found;
  }
  return offered[0];
}
