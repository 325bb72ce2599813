"""A store that cannot be used is a sentence at the start, and a wait while Kefu runs."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from tests.bots.running import Visitor, command, running, shop
from tests.core.redis_server import server


async def test_a_wrong_password_is_a_sentence(tmp_path: Path) -> None:
    async with server(tmp_path / "store") as at:
        await at.set("requirepass", "secret")
        code, _, err = await command(tmp_path, "run", str(shop(tmp_path)), "--port", "0", KEFU_REDIS_URL=at.url)
        assert code == 1
        assert "Redis refuses our user or password" in err
        assert "redis://user:password@host:6379/0" in err
        assert "Traceback" not in err


async def test_a_store_that_is_killed_and_comes_back_is_noticed_by_nobody(tmp_path: Path) -> None:
    first, second = str(uuid4()), str(uuid4())
    async with (
        server(tmp_path / "store") as at,
        running(tmp_path, str(shop(tmp_path)), KEFU_REDIS_URL=at.url) as kefu,
        Visitor(kefu.address, "shop") as visitor,
    ):
        (await visitor.post(first, "hello")).raise_for_status()
        await visitor.answers(1)
        await at.kill()
        refused = await visitor.post(second, "hello again")
        assert refused.status_code == 503, "what is not stored is not acknowledged"
        await at.start()
        while (await visitor.post(second, "hello again")).status_code == 503:
            pass
        lines = await visitor.answers(2)
        assert [line["role"] for line in lines] == ["shopper", "bot"] * 2
