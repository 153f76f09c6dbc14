"""Wrappers around the hooks of families: each says itself that it raised, so that what it wraps isn't blamed for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyag_core.plugin.failures import failure

if TYPE_CHECKING:
    from collections.abc import Generator

    import pluggy


def wraps(implementation: pluggy.HookImpl) -> bool:
    """Whether it is a wrapper, of pluggy's new style or its old one."""
    return implementation.wrapper or implementation.hookwrapper


def name_failures(implementation: pluggy.HookImpl, who: str) -> None:
    """Let what this wrapper raises be the failure of `who`. What it wraps may raise through it as before."""
    function = implementation.function

    def guarded(*arguments: Any) -> Generator[None, Any, Any]:
        inside: BaseException | None = None
        try:
            wrapper: Any = function(*arguments)
            try:
                next(wrapper)
            except StopIteration:
                raise RuntimeError("a wrapper must yield once, and it doesn't") from None
            try:
                result = yield
            except BaseException as error:  # noqa: BLE001 - the wrapper decides what becomes of it
                inside = error
                wrapper.throw(error)
            else:
                inside = result.exception if implementation.hookwrapper else None
                wrapper.send(result)
            wrapper.close()
            raise RuntimeError("a wrapper must yield once, and it yields twice")
        except StopIteration as ended:
            return ended.value
        except (Exception, SystemExit) as error:
            if error is inside:
                raise
            raise failure(who, error) from error

    # The only place where one wrapper of many can be told from the others: pluggy calls them all in one go.
    implementation.function = guarded  # type: ignore[misc]
