"""The console in a real browser, as a person uses it."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from mvsdk.bundle import ManifestOptions, NewKeys, create
from mvsdk.link import LogRecord
from tests.bundle.samples import VECTORS
from tests.cloud.conftest import RunningCloud, running_cloud
from tests.cloud.test_sessions import SECONDS, SomeDevice, raw_session
from tests.keys.samples import key_of

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A headless browser from Debian's packages, with a profile of its own."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if (browser is None or driver is None) and os.environ.get("CI") != "true":
        pytest.skip("needs chromium and chromedriver: install the packages chromium and chromium-driver")
    assert browser, "chromium is missing: install the package chromium"
    assert driver, "chromedriver is missing: install the package chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(argument)
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as window:
        yield window


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[RunningCloud]:
    """A fresh cloud."""
    with running_cloud(tmp_path / "cloud") as cloud:
        yield cloud


class Visitor:
    """Somebody at a browser."""

    def __init__(self, window: webdriver.Chrome, cloud: RunningCloud) -> None:
        self.window = window
        self._cloud = cloud
        window.delete_all_cookies()
        window.get(cloud.url)
        self.fill("user", cloud.account)
        self.fill("token", cloud.token)
        self.press("Log in")
        self.sees("Devices", "h1")

    def open(self, path: str) -> None:
        """Go to a page."""
        self.window.get(self._cloud.url + path)

    def fill(self, name: str, text: str, within: str = "") -> None:
        """Type into a field."""
        self.find(f'{within} [name="{name}"]').send_keys(text)

    def find(self, selector: str) -> WebElement:
        """Return an element once it is there."""
        return WebDriverWait(self.window, SECONDS).until(lambda window: window.find_element(By.CSS_SELECTOR, selector))

    def press(self, text: str, within: str = "") -> None:
        """Press the button with this text."""
        buttons = self.window.find_elements(By.CSS_SELECTOR, f"{within} button")
        next(button for button in buttons if button.text == text).click()

    def sees(self, text: str, selector: str) -> None:
        """Wait until an element has a text in it."""
        WebDriverWait(self.window, SECONDS, ignored_exceptions=[Exception]).until(
            lambda window: any(text in place.text for place in window.find_elements(By.CSS_SELECTOR, selector))
        )


def test_a_person_deploys_watches_and_sets_a_secret(
    chromium: webdriver.Chrome, cloud: RunningCloud, tmp_path: Path
) -> None:
    """Upload, deploy, see a device come online and log, search and pause, and set a secret that nobody sees again."""
    bundle = tmp_path / "app.zip"
    bundle.write_bytes(create(VECTORS, ManifestOptions(), cloud.developer))
    visitor = Visitor(chromium, cloud)
    visitor.fill("UniqueName", "kitchen")
    visitor.press("Create a device")
    visitor.sees("kitchen", "tbody")

    visitor.open("/apps")
    visitor.fill("File", str(bundle))
    visitor.fill("UniqueName", "first-app")
    visitor.press("Upload")
    visitor.sees("first-app", "h2")

    sid = cloud.rows("SELECT sid FROM devices WHERE unique_name = ?", "kitchen")[0]["sid"]
    cloud.let_in(sid)
    visitor.open(f"/devices/{sid}")
    Select(visitor.find('[name="TargetApp"]')).select_by_visible_text("first-app")
    visitor.press("Deploy")
    visitor.sees("pending", ".badge")
    visitor.sees("offline", ".badge")

    device = SomeDevice()
    session = device.connect(cloud.url, sid)
    visitor.sees("online", ".badge")
    device.outbox.add(LogRecord(time_us=1, text="the kettle boils"))
    session.records_added()
    visitor.sees("the kettle boils", "#log li")
    visitor.find("#search").send_keys("teapot")
    WebDriverWait(chromium, SECONDS).until(
        lambda window: not window.find_element(By.CSS_SELECTOR, "#log li").is_displayed()
    )
    visitor.find("#search").send_keys(Keys.CONTROL, "a", Keys.DELETE)
    visitor.press("Pause")
    device.outbox.add(LogRecord(time_us=2, text="while paused"))
    session.records_added()
    visitor.sees("Go on (1 new)", "button")
    visitor.find("#pause").click()
    visitor.sees("while paused", "#log li")
    session.close(SECONDS)
    visitor.sees("offline", ".badge")

    secrets = '[aria-labelledby="Secrets-title"]'
    visitor.fill("Key", "api-key", secrets)
    visitor.fill("Value", "hunter2", secrets)
    visitor.press("Add", secrets)
    visitor.sees("api-key", secrets)
    visitor.sees("••••", secrets)
    assert "hunter2" not in chromium.page_source


def test_a_person_watches_a_rollout(chromium: webdriver.Chrome, cloud: RunningCloud) -> None:
    """Make a rollout from the page, start it, see a stage fill and the next begin, and one that fails stop it."""
    bundle = create(VECTORS, ManifestOptions(), cloud.developer)
    app = cloud.call("POST", "/v1/Apps", files={"File": ("app.zip", bundle)}, data={"UniqueName": "oven-2"}).json()
    for number in range(2):
        cloud.new_device(f"oven {number}")
    visitor = Visitor(chromium, cloud)
    visitor.open("/rollouts")
    visitor.fill("Cohort", "all")
    stages = visitor.find('[name="Stages"]')
    stages.clear()
    stages.send_keys("50%,100%")
    visitor.press("Create a rollout")
    visitor.sees("created", ".badge")
    visitor.press("Start")
    visitor.sees("running", ".badge")
    for state, text in (("confirmed", "1 of 1 updated"), ("reverted", "0 of 1 updated, 1 failed")):
        [row] = cloud.rows(
            "SELECT sid FROM devices d LEFT JOIN updates u ON u.device_sid = sid"
            " WHERE target_sid IS NOT NULL AND u.state IS NULL"
        )
        with raw_session(cloud, row["sid"]) as raw:
            message = {"type": "update-progress", "app_hash": app["hash"], "state": state, "reason": "too hot"}
            raw.send(json.dumps(message))
            visitor.sees(text, ".stages .text")
        WebDriverWait(chromium, SECONDS).until(
            lambda window: len(cloud.rows("SELECT sid FROM devices WHERE target_sid IS NOT NULL")) == 2
        )
    visitor.sees("paused", ".badge")
    visitor.sees("too hot", ".reason")
    visitor.press("Resume")
    visitor.sees("completed", ".badge")
    assert chromium.find_element(By.CSS_SELECTOR, "rect.good").get_attribute("width") == "100"


def by_keyboard(visitor: Visitor, *keys: str) -> None:
    """Press keys, one after the other, wherever the focus is."""
    for key in keys:
        visitor.window.switch_to.active_element.send_keys(key)


def test_a_person_lets_others_in(chromium: webdriver.Chrome, cloud: RunningCloud) -> None:
    """Make an API key whose secret is shown once, and a user; both get in until they are removed, by keyboard alone."""
    visitor = Visitor(chromium, cloud)
    visitor.open("/access")
    visitor.fill("Name", "nightly build" + Keys.ENTER, '[aria-labelledby="keys-title"]')
    visitor.sees("nowhere again", "p")
    secret = visitor.find("#secret").text
    [key] = cloud.rows("SELECT sid FROM api_keys")
    auth = key["sid"], secret
    assert requests.get(cloud.url + "/v1/Apps", auth=auth, timeout=30).ok
    visitor.find('a[href="/access"]:not([aria-current])')
    visitor.open("/access")
    visitor.sees("nightly build", "tbody")
    assert secret not in chromium.page_source

    people = '[aria-labelledby="users-title"]'
    visitor.fill("Name", "ada 50%", people)
    visitor.fill("Password", "correct horse" + Keys.ENTER, people)
    visitor.sees("ada 50%", f"{people} tbody")
    visitor.find('[aria-label="Another password for ada 50%"]').send_keys(Keys.ENTER)
    by_keyboard(visitor, Keys.TAB)
    by_keyboard(visitor, "battery staple" + Keys.ENTER)
    WebDriverWait(chromium, SECONDS).until(
        lambda window: len(cloud.rows("SELECT what FROM audit WHERE what = 'change password'")) == 1
    )
    assert requests.post(cloud.url + "/login", data={"user": "ada 50%", "token": "battery staple"}, timeout=30).ok

    for name, place in (("nightly build", '[aria-labelledby="keys-title"]'), ("ada 50%", people)):
        visitor.open("/access")
        visitor.find(f'[aria-label="Remove {name}"]').send_keys(Keys.ENTER)
        by_keyboard(visitor, Keys.TAB)
        by_keyboard(visitor, Keys.ENTER)
        visitor.sees("None yet.", f"{place} .none")
    assert cloud.rows("SELECT name FROM users") == []
    assert requests.get(cloud.url + "/v1/Apps", auth=auth, timeout=30).status_code == 401


def test_only_the_account_lets_others_in(cloud: RunningCloud) -> None:
    """Whoever logged in as a key sees no keys and users, and a form of the page does nothing for them, nor one from
    elsewhere for the account."""
    made = cloud.call("POST", "/mvsdk/v1/ApiKeys", data={"Name": "nightly build"}).json()
    with requests.Session() as session:
        session.post(cloud.url + "/login", data={"user": made["sid"], "token": made["secret"]}, timeout=30)
        page = session.get(cloud.url + "/access", timeout=30)
        assert (page.status_code, "nightly build" in page.text) == (200, False)
        token = page.text.partition("?form=")[2][:32]
        action = f"{cloud.url}/console/do/POST/mvsdk/v1/ApiKeys?form={token}"
        assert session.post(action, data={"Name": "another"}, timeout=30).status_code == 403
    with requests.Session() as session:
        session.post(cloud.url + "/login", data={"user": cloud.account, "token": cloud.token}, timeout=30)
        action = f"{cloud.url}/console/do/POST/mvsdk/v1/ApiKeys?form=x"
        assert session.post(action, data={"Name": "another"}, timeout=30).status_code == 403
    assert len(cloud.rows("SELECT * FROM api_keys")) == 1


def test_a_person_sees_which_keys_devices_trust(chromium: webdriver.Chrome, cloud: RunningCloud) -> None:
    """Every change is there with its number, its keys by name where they are known, and who signed it; a key whose
    bundles are taken can be removed."""
    added, stranger = key_of(41), key_of(42)
    for change in (NewKeys(1, add=(added.public,)), NewKeys(2, delete=(cloud.developer.public.id,), threshold=1)):
        message = change.signed_by(stranger if change.sequence == 1 else added)
        data = {"Message": base64.b64encode(message).decode()}
        assert cloud.call("POST", "/mvsdk/v1/NewKeys", data=data).status_code == 201
    visitor = Visitor(chromium, cloud)
    visitor.open("/keys")
    for number, words in ((1, (f"{added.public.id:016x}", "not known here")), (2, ("developer",))):
        for word in (*words, "by the account"):
            visitor.sees(word, f'[data-change="{number}"]')
    visitor.find('[aria-label="Remove developer"]').send_keys(Keys.ENTER)
    by_keyboard(visitor, Keys.TAB)
    by_keyboard(visitor, Keys.ENTER)
    WebDriverWait(chromium, SECONDS).until(
        lambda window: cloud.rows("SELECT * FROM signers WHERE name = 'developer'") == []
    )


def test_the_console_fits_a_phone(chromium: webdriver.Chrome, cloud: RunningCloud) -> None:
    """At the width of a phone no page is wider than the screen, and its script found no error."""
    sid = cloud.new_device("a-device-with-a-rather-long-name-that-nobody-would-give-to-a-kettle")
    cloud.call("POST", f"/v1/Devices/{sid}/Configs", data={"Key": "k" * 100, "Value": "v" * 1000})
    visitor = Visitor(chromium, cloud)
    chromium.set_window_size(390, 800)
    bundle = create(VECTORS, ManifestOptions(), cloud.developer)
    app = cloud.call("POST", "/v1/Apps", files={"File": ("app.zip", bundle)}).json()["sid"]
    cloud.call("POST", "/mvsdk/v1/Rollouts", data={"App": app, "Cohort": "name=" + "x" * 100})
    cloud.call("POST", "/mvsdk/v1/ApiKeys", data={"Name": "k" * 100})
    cloud.call("POST", "/mvsdk/v1/Users", data={"Name": "u" * 100, "Password": "correct horse"})
    message = NewKeys(1, add=tuple(key_of(50 + number).public for number in range(4))).signed_by(key_of(49))
    cloud.call("POST", "/mvsdk/v1/NewKeys", data={"Message": base64.b64encode(message).decode()})
    for path in ("/", f"/devices/{sid}", "/apps", "/rollouts", "/settings", "/keys", "/access"):
        visitor.open(path)
        visitor.find("h1")
        width: int = chromium.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        assert width <= 0, path
    chromium.set_window_size(1200, 900)
    problems = [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]
    assert [entry for entry in problems if "favicon" not in entry["message"] and "401" not in entry["message"]] == []


def test_pages_are_for_those_who_logged_in(cloud: RunningCloud) -> None:
    """Without a visit every page is the login, streams are closed, a forged cookie is nothing, actions do nothing."""
    pages = ("/", "/devices/x", "/apps", "/rollouts", "/settings", "/keys", "/access")
    for path in (*pages, "/console/events", "/console/rollouts", "/console/devices/x/log"):
        for cookies in ({}, {"mvsdk-console": "00" * 40}):
            answer = requests.get(cloud.url + path, cookies=cookies, timeout=30)
            assert answer.status_code == 401
            assert "hunter" not in answer.text
    sid = cloud.new_device("kitchen")
    acted = requests.post(
        f"{cloud.url}/console/do/POST/v1/Devices/{sid}?form=x", data={"UniqueName": "bath"}, timeout=30
    )
    assert acted.status_code in {200, 401}
    assert cloud.rows("SELECT unique_name FROM devices")[0]["unique_name"] == "kitchen"


def test_a_form_from_elsewhere_does_nothing(cloud: RunningCloud) -> None:
    """A visit's cookie is no use without its form token, nor with it from another origin."""
    sid = cloud.new_device("kitchen")
    with requests.Session() as session:
        session.post(cloud.url + "/login", data={"user": cloud.account, "token": cloud.token}, timeout=30)
        page = session.get(cloud.url + f"/devices/{sid}", timeout=30).text
        token = page.partition("?form=")[2][:32]
        action = f"{cloud.url}/console/do/POST/v1/Devices/{sid}?form="
        data = {"UniqueName": "bath"}
        assert session.post(action, data=data, timeout=30).status_code == 403
        foreign = {"Origin": "http://evil.example"}
        assert session.post(action + token, data=data, headers=foreign, timeout=30).status_code == 403
        assert cloud.rows("SELECT unique_name FROM devices")[0]["unique_name"] == "kitchen"
        assert session.post(action + token, data=data, timeout=30).ok
    assert cloud.rows("SELECT unique_name FROM devices")[0]["unique_name"] == "bath"
