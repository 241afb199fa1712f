"""A demo account: meters of every type, the same each time, their customers' data marked so that a leak can be found."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid5

from .checks import moment_text

PLANTED = "PLANTED"
FIRST_METER = "5b0c1f3e-7a52-4c0e-9d0b-2f6f0a7f1a01"
FIRST_REFERENCE = "home-0042"
_SPACE = UUID("7a1de5b2-5c0f-4a9b-9a8e-3f6d1c2b4e50")
_CREATED = datetime(2025, 3, 1, tzinfo=UTC)

_REGIONS = {
    "CAISO": ("CA", "San Francisco", "94105", "PGE", "CEC-DSGS"),
    "NYISO": ("NY", "New York", "10001", "CECONY", "NYISO-SCR"),
    "ERCOT": ("TX", "Houston", "77002", "CENTERPOINT", "ERCOT-ERS"),
    "ISONE": ("MA", "Boston", "02110", "EVERSOURCE", "MA_DOER-CPS"),
    "PJM": ("PA", "Philadelphia", "19103", "PECO", "PJM-CAPACITY"),
}
_DEVICES: dict[str, tuple[str, str, str]] = {
    "BATTERY": ("BATTERY_STORAGE", "Voltwerk", "Hausspeicher 10"),
    "EV_CHARGER": ("EV_CHARGING", "Ladepol", "Home 11"),
    "SMART_THERMOSTAT": ("HVAC", "Klimata", "T3"),
    "HEAT_PUMP": ("HVAC", "Nordvarme", "Split 8"),
    "AIR_CONDITIONER": ("HVAC", "Aeris", "Breeze 35"),
}


def identifier(*parts: object) -> str:
    """Make the id of a thing, always the same one."""
    return str(uuid5(_SPACE, "/".join(map(str, parts))))


def market_group(region: str) -> str:
    """Name the market group of a region's meters."""
    return identifier("group", region)


def program_of(region: str) -> str:
    """Name the program of a region's meters."""
    return _REGIONS[region][4] if region in _REGIONS else "ENERGY-ONLY"


def build_meters(count: int) -> dict[str, dict[str, Any]]:
    """Build the account's meters by id: some homes have one, some several."""
    random = Random(20260908)
    meters: dict[str, dict[str, Any]] = {}
    home = 42
    while len(meters) < count:
        region = "CAISO" if home == 42 else random.choices(list(_REGIONS), (5, 2, 1, 1, 1))[0]
        kinds = ["UTILITY_METER"]
        if home != 42:
            kinds += random.choices(["DEVICE", "SUBMETER"], (5, 1), k=random.choice((0, 0, 1, 1, 2)))
        for position, kind in enumerate(kinds[: count - len(meters)]):
            meter = build_meter(home, position, kind, region, random)
            meters[meter["meter_id"]] = meter
        home += 1
    return meters


def build_meter(home: int, position: int, kind: str, region: str, random: Random) -> dict[str, Any]:
    """Build one meter of a home."""
    first = home == 42 and position == 0
    reference = f"home-{home:04}" if position == 0 else f"home-{home:04}-{kind.lower().replace('_', '-')}-{position}"
    created = _CREATED + timedelta(hours=home * 3 + position)
    device = random.choice(list(_DEVICES))
    load_type = _DEVICES[device][0] if kind == "DEVICE" else "HVAC"
    meter: dict[str, Any] = {
        "meter_id": FIRST_METER if first else identifier("meter", home, position),
        "partner_reference": reference,
        "transmission_region": region,
        "customer_classification": "COMMERCIAL" if home % 17 == 0 else "RESIDENTIAL",
        "load_types": [load_type],
        "meter_type": kind,
        "connection_references": [f"connect-{home:04}"],
        "customer_group": f"Cohort {home % 5}",
        "tags": [f"home-{home:04}", "pilot" if home % 10 == 2 else "standard"],
        "is_archived": home % 50 == 49,
        "customer": _customer(home, region),
        "site": {"load_zone": f"{PLANTED}-ZONE-{home:04}", "number_of_devices": 2, "site_devices": []},
        "utility": _utility(home, region),
        "audit": {
            "created_by": "PARTNER",
            "created_at": moment_text(created),
            "updated_at": moment_text(created + timedelta(days=30)),
        },
    }
    if kind == "DEVICE":
        meter["device"] = _device(device, home)
    return meter


def _customer(home: int, region: str) -> dict[str, Any]:
    """Invent a customer whose every detail is recognisable."""
    state, city, postal_code = _REGIONS[region][:3]
    return {
        "street_1": f"{PLANTED} Street {home}",
        "city": f"{PLANTED} {city}",
        "postal_code": postal_code,
        "state_or_province_code": state,
        "country_code": "US",
        "end_customer_name": f"{PLANTED} Customer {home:04}",
        "end_customer_email": f"{PLANTED}-mail-{home:04}@example.invalid",
        "end_customer_phone_number": f"{PLANTED}-555-{home:04}",
        "partner_customer_reference": f"{PLANTED}-customer-{home:04}",
    }


def _utility(home: int, region: str) -> dict[str, Any]:
    """Invent a customer's account at the utility."""
    return {
        "utility_name": _REGIONS[region][3],
        "load_serving_entity": _REGIONS[region][3],
        "electric_service_account_number": f"{PLANTED}-SA-{home:04}",
        "bill_customer_account_number": f"{PLANTED}-BILL-{home:04}",
        "utility_meter_serial_number": f"{PLANTED}-SERIAL-{home:04}",
        "tariff": "E-TOU-C",
    }


def _device(kind: str, home: int) -> dict[str, Any]:
    """Invent a device."""
    _, manufacturer, model = _DEVICES[kind]
    device: dict[str, Any] = {
        "device_type": kind,
        "device_manufacturer": manufacturer,
        "device_model": model,
        "device_serial_number": f"{PLANTED}-DEVICE-{home:04}",
        "installer": f"{PLANTED} Installer {home % 9}",
    }
    if kind == "BATTERY":
        device |= {
            "battery_power_capacity_kw": 5.0,
            "battery_energy_capacity_kwh": 10.2,
            "battery_max_discharge_rate_kw": 5.0,
            "battery_max_charge_rate_kw": 4.6,
            "battery_max_state_of_charge_percentage": 95,
            "battery_min_state_of_charge_percentage": 10,
        }
    return device


def status_of(meter: dict[str, Any]) -> str:
    """Tell the enrollment status of a meter."""
    if meter["is_archived"]:
        return "NOT_PARTICIPATING"
    last = int(meter["meter_id"][-1], 16)
    return {0: "PENDING", 1: "INELIGIBLE"}.get(last, "ACTIVE") if meter["meter_id"] != FIRST_METER else "ACTIVE"


def enrollment_of(meter: dict[str, Any]) -> dict[str, Any]:
    """Build the enrollment of a meter."""
    names = (
        "meter_id partner_reference transmission_region customer_classification load_types meter_type "
        "connection_references customer_group tags is_archived audit"
    ).split()
    region, status = meter["transmission_region"], status_of(meter)
    period = {
        "program_identifier": program_of(region),
        "delivery_period": f"{program_of(region)}_2026",
    }
    action = period | {
        "enrollment_deadline_date_time": "2026-12-01T00:00:00.000Z",
        "action_type": "NO_MISSING_FIELDS",
        "action_description": "Fields are missing",
        "action_code": "SERV_0005",
    }
    enrolled = period | {
        "delivery_period_start_date_time": "2026-01-01T08:00:00.000Z",
        "delivery_period_end_date_time": "2027-01-01T08:00:00.000Z",
        "enrollment_status": status,
        "enrollment_deadlines": [
            {
                "enrollment_deadline_date_time": "2025-12-01T00:00:00.000Z",
                "activation_date_time": "2026-01-01T08:00:00.000Z",
            }
        ],
        "market_group_id": market_group(region),
        "market_group_name": f"{region}_1",
    }
    return {name: meter[name] for name in names if name in meter} | {
        "global_enrollment_status": status,
        "participation_preferences": [
            {"participation_preference": "PARTICIPATE", "start_time": "2025-03-01T00:00:00.000Z"}
        ],
        "program_enrollment": [enrolled] if status in ("ACTIVE", "PENDING") else [],
        "required_actions": {"partner": [action]} if status == "INELIGIBLE" else {},
    }
