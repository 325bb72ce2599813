"""The page, the widget's script and what they are made of; every answer with the headers that keep them safe."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from adapters.webchat.channel import WebChannel
from adapters.webchat.chatpage import ChatPage, accepted_languages, best_language
from adapters.webchat.markdown import to_inline_html
from adapters.webchat.theme import theme

FILES = Path(__file__).parent / "page"
# Always asked whether it is still the same: a new version of Kefu must never meet an old script.
REVALIDATE = {"Cache-Control": "no-cache"}

_TEMPLATES = Environment(
    loader=FileSystemLoader(FILES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


class Site:
    def __init__(self, channel: WebChannel) -> None:
        self._channel = channel

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self.page),
            Route("/theme.css", self.theme),
            Route("/icon.svg", self.icon),
            Route("/widget.js", self.widget),
            Mount("/page", _Files(directory=FILES)),
        ]

    async def page(self, request: Request) -> Response:
        page = self._channel.page()
        language = language_of(request, page.languages)
        html = _TEMPLATES.get_template("chat.html").render(
            language=language,
            title=page.in_language(page.titles, language),
            name=page.in_language(page.names, language),
            initial=initial(page.in_language(page.names, language)),
            contact=page.in_language(page.contacts, language),
            shop=json_for_html(shop_json(self._channel.bot, page)),
        )
        headers = REVALIDATE | {"Content-Security-Policy": content_security_policy(page.frame_ancestors)}
        return HTMLResponse(html, headers=headers | {"Vary": "Accept-Language"})

    async def theme(self, request: Request) -> Response:
        return Response(theme(self._channel.page().accent).css(), media_type="text/css", headers=REVALIDATE)

    async def icon(self, request: Request) -> Response:
        page = self._channel.page()
        colours = theme(page.accent)
        svg = _TEMPLATES.get_template("icon.svg").render(
            fill=colours.fill, on_fill=colours.on_fill, initial=initial(page.in_language(page.titles, ""))
        )
        return Response(svg, media_type="image/svg+xml", headers=REVALIDATE)

    async def widget(self, request: Request) -> Response:
        """The script with the shop's name and colours in it, so that the shop's site needs no second request."""
        page = self._channel.page()
        colours = theme(page.accent)
        shop = {
            "bot": self._channel.bot,
            "languages": list(page.languages),
            "titles": {language: page.in_language(page.titles, language) for language in page.languages},
            "fill": colours.fill,
            "onFill": colours.on_fill,
        }
        script = (FILES / "widget.js").read_text("utf-8").replace('"%SHOP%"', json_for_html(json.dumps(shop)), 1)
        headers = REVALIDATE | {"Cross-Origin-Resource-Policy": "cross-origin"}
        return Response(script, media_type="text/javascript", headers=headers)


class _Files(StaticFiles):
    """Scripts, styles and pictures; the templates are not for sending."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path.endswith(".html"):
            return Response("Not found", status_code=404)
        response = await super().get_response(path, scope)
        response.headers.update(REVALIDATE)
        return response


def shops_page(request: Request, channels: Sequence[WebChannel]) -> Response:
    """The list of the shops when one server has several."""
    pages = {channel.bot: channel.page() for channel in channels}
    language = language_of(request, ("en", "zh"))
    shops = [
        {
            "bot": bot,
            "title": page.in_language(page.titles, language),
            "name": page.in_language(page.names, language),
            "languages": page.languages,
        }
        for bot, page in pages.items()
    ]
    html = _TEMPLATES.get_template("shops.html").render(language=language, shops=shops)
    policy = {"Content-Security-Policy": content_security_policy(())}
    return HTMLResponse(html, headers=REVALIDATE | policy | {"Vary": "Accept-Language"})


def language_of(request: Request, offered: Sequence[str]) -> str:
    wanted = [request.query_params["lang"]] if "lang" in request.query_params else []
    return best_language(tuple(offered), wanted + accepted_languages(request.headers.get("accept-language", "")))


def shop_json(bot: str, page: ChatPage) -> str:
    """What the page's script needs to know, with the texts in every language so that switching needs no request."""
    texts = {
        language: {
            "title": page.in_language(page.titles, language),
            "name": page.in_language(page.names, language),
            "greeting": to_inline_html(page.in_language(page.greetings, language)),
            "disclosure": to_inline_html(page.in_language(page.disclosures, language)),
            "contact": to_inline_html(page.in_language(page.contacts, language)),
            "suggestions": list(page.suggestions.get(language, ())),
        }
        for language in page.languages
    }
    shop = {"bot": bot, "languages": list(page.languages), "chars": page.message_chars, "texts": texts}
    return json.dumps(shop, ensure_ascii=False)


def json_for_html(text: str) -> str:
    """JSON that can stand inside a script element or a script: no ``</script>``, no ``<!--``."""
    escapes: dict[str, str | int | None] = {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
    return text.translate(str.maketrans(escapes))


def initial(name: str) -> str:
    return name.strip()[:1].upper() or "?"


def content_security_policy(frame_ancestors: Sequence[str]) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            # A product's picture stands on any host of the shop's. Nothing else of a line can name one: see markdown.
            "img-src 'self' data: https: http:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {' '.join(frame_ancestors) or chr(39) + 'none' + chr(39)}",
        )
    )
