"""Tests of `pipeline.training.interrupt`: Ctrl-C waits for the next check, a second one does not."""

from __future__ import annotations

import signal

import pytest

from pipeline.training.interrupt import deferred_interrupt


def test_without_ctrl_c_the_check_passes() -> None:
    with deferred_interrupt() as check:
        check()


def test_ctrl_c_is_raised_at_the_next_check() -> None:
    with deferred_interrupt() as check:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            check()


def test_a_second_ctrl_c_acts_at_once() -> None:
    with deferred_interrupt():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_handler_of_before_is_back_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)
    with deferred_interrupt():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
