from __future__ import annotations

import pytest


@pytest.fixture
def ada(make_user):
    return make_user("ada@uni.example", name="Ada Lovelace")


@pytest.fixture
def host(ada, sign_in):
    """Ada's signed-in client."""
    return sign_in(ada)
