"""Units as shops write them, in Chinese and English: what each measures, in which base, and how much of it it is."""

from __future__ import annotations

# kind, base unit: word=factor …
_TABLE = """
money eur: eur=1 欧=1
money usd: usd=1 dollar=1 dollars=1 刀=1 美金=1
money gbp: gbp=1 pound=1 pounds=1 镑=1
money cny: cny=1 rmb=1 yuan=1 kuai=1 元=1 块=1 块钱=1 圆=1 人民币=1 元人民币=1 角=0.1 毛=0.1 毛钱=0.1
money jpy: jpy=1 yen=1 日元=1 日圆=1
money hkd: hkd=1 港币=1 港元=1
money chf: chf=1 franc=1 francs=1 瑞士法郎=1
money cent: cent=1 cents=1
percent percent: percent=1
duration second: s=1 sec=1 secs=1 second=1 seconds=1 秒=1 秒钟=1 min=60 mins=60 minute=60 minutes=60 分钟=60 刻钟=900 hr=3600 hrs=3600 hour=3600 hours=3600 小时=3600 钟头=3600 day=86400 days=86400 天=86400 日=86400 calendar_day=86400 calendar_days=86400 自然日=86400 week=604800 weeks=604800 周=604800 星期=604800 礼拜=604800 fortnight=1209600
duration workday: working_day=1 working_days=1 business_day=1 business_days=1 workday=1 workdays=1 工作日=1 个工作日=1
duration month: month=1 months=1 个月=1 月=1 year=12 years=12 年=12
duration night: night=1 nights=1
amount gram: mg=0.001 毫克=0.001 g=1 gr=1 gram=1 grams=1 gramme=1 grammes=1 克=1 kg=1000 kgs=1000 kilo=1000 kilos=1000 kilogram=1000 kilograms=1000 公斤=1000 千克=1000 斤=500 lb=453.592 lbs=453.592 oz=28.3495 ounce=28.3495 ounces=28.3495
amount millilitre: ml=1 毫升=1 millilitre=1 millilitres=1 milliliter=1 milliliters=1 cl=10 dl=100 l=1000 litre=1000 litres=1000 liter=1000 liters=1000 升=1000
amount metre: mm=0.001 毫米=0.001 cm=0.01 厘米=0.01 公分=0.01 centimetre=0.01 centimetres=0.01 centimeter=0.01 centimeters=0.01 m=1 米=1 metre=1 metres=1 meter=1 meters=1 km=1000 公里=1000 千米=1000 kilometre=1000 kilometres=1000 kilometer=1000 kilometers=1000 inch=0.0254 inches=0.0254 英寸=0.0254 寸=0.0333 ft=0.3048 foot=0.3048 feet=0.3048
amount square: m2=1 cm2=0.0001 平方米=1 平米=1
amount celsius: °c=1 ° c=1 °=1 degrees=1 degree=1 degrees_celsius=1 degree_celsius=1 degrees_c=1 度=1 摄氏度=1
amount fahrenheit: °f=1 degrees_fahrenheit=1 华氏度=1
amount watt: w=1 watt=1 watts=1 瓦=1 kw=1000 千瓦=1000
amount volt: v=1 volt=1 volts=1 伏=1
amount milliamperehour: mah=1 毫安时=1 毫安=1
amount watthour: wh=1 kwh=1000 度电=1000
amount lumen: lm=1 lumen=1 lumens=1 流明=1
amount byte: mb=1 gb=1000 tb=1000000
amount megapixel: mp=1 megapixel=1 megapixels=1
amount hertz: hz=1 赫兹=1 khz=1000
amount calorie: cal=1 kcal=1000 卡=1 千卡=1000 卡路里=1
amount bar: bar=1 bars=1
amount watertight: atm=1
"""


def _read() -> dict[str, tuple[str, str, float]]:
    units = {}
    for line in filter(None, _TABLE.splitlines()):
        head, _, words = line.partition(": ")
        kind, name = head.split()
        for word in words.replace("° c=", "°c=").split():
            written, _, factor = word.partition("=")
            units[written.replace("_", " ")] = (kind, name, float(factor))
    return units


# A word → its kind, its base unit and how much of that it is.
UNITS = _read()
UNIT_WORDS = tuple(UNITS)
# What one may say 半 of.
HAN_HALVES = "小时|钟头|天|年|月|斤|公斤|升|米|星期"
