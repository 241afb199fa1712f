"""Home Assistant's backup: the store's file is kept still while it is copied."""

from homeassistant.core import HomeAssistant

from .store import DATA_STORE, async_get_store


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Put everything into the file and leave it alone; writes go on in the log."""
    if DATA_STORE in hass.data:
        await (await async_get_store(hass)).async_prepare_backup()


async def async_post_backup(hass: HomeAssistant) -> None:
    """Let the file change again."""
    if DATA_STORE in hass.data:
        await (await async_get_store(hass)).async_finish_backup()
