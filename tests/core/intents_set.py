"""A mug shop's intents: enough examples to learn from, in two languages."""

from __future__ import annotations

INTENTS = """
wants_person:
  examples:
    en: [get me a human, I want to talk to your staff, a real person please, connect me to an agent, let a person answer]
    zh: [转人工, 我想跟真人聊, 让你们同事来, 请安排人联系我, 找个人来处理]
complaint:
  examples:
    en: [this mug is a disgrace, I am very disappointed, you ruined my gift, nobody answers my mails, I feel cheated]
    zh: [太让人失望了, 你们的服务太差了, 感觉被骗了, 邮件一直没人回, 我要给差评]
out_of_scope:
  examples:
    en:
      - what is the capital of france
      - who won the football match
      - write me a poem about the moon
      - how do I fix my car
      - what is the weather in rome
      - which stocks should I buy
      - translate this letter into german
      - who is the president of brazil
      - how do I learn the guitar
      - what is the capital of peru
      - who won the chess match
      - write me a song about the stars
      - how do I fix my bicycle
      - what is the weather in oslo
      - which phone should I buy
      - who is the president of mexico
      - what is the capital of kenya
      - what is the weather in cairo
      - who is the president of chile
      - write me a poem about the sea
      - how do I fix my computer
      - who won the tennis match
      - what is the capital of japan
    zh:
      - 法国的首都是哪里
      - 昨晚球赛谁赢了
      - 写一首关于月亮的诗
      - 汽车坏了怎么修
      - 罗马天气怎么样
      - 该买哪只股票
      - 把这封信翻译成德语
      - 巴西总统是谁
      - 怎么学吉他
      - 秘鲁的首都是哪里
      - 昨晚棋赛谁赢了
      - 写一首关于星星的歌
      - 奥斯陆天气怎么样
      - 墨西哥总统是谁
      - 肯尼亚的首都是哪里
      - 开罗天气怎么样
approved_answer:
  examples:
    en: [when do you open, opening times please, can I park my car, parking please, delivery cost, what does delivery cost]
    zh: [什么时候开门, 营业时间, 运费要多少, 送货多少钱, 几点关门]
"""
