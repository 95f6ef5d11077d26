"""Every way in which MLflow's client was seen set up wrongly: what is tried, and what mends it.

The tests try each for real; `docs/troubleshooting.md` is made of the same (`python -m
tests.registry.troubleshooting`), so that it tells what the tests have seen.
"""

from dataclasses import dataclass, field
from typing import Final

from service.registry.wire import Fault

_ADDRESS: Final = "export MLFLOW_TRACKING_URI=http://HOST:PORT"
_FILES: Final = "ls -l $REQUESTS_CA_BUNDLE $MLFLOW_TRACKING_SERVER_CERT_PATH"


@dataclass(frozen=True, slots=True)
class Mistake:
    """An address and variables; `{plain}`, `{tls}`, `{free}` are ports, `{home}` is a folder.

    Attributes:
        mend: a command that mends it, or shows what is wrong.
        stops: whether it can mean nothing else, so that commands end before they ask anybody.
    """

    address: str
    fault: Fault
    mend: str
    variables: dict[str, str] = field(default_factory=dict)
    stops: bool = False


def _written(address: str, mend: str = _ADDRESS) -> Mistake:
    return Mistake(address, Fault.ADDRESS, mend, stops=True)


# Of looks at the registry, by their cause.
MISTAKES: Final = {
    "no scheme": _written("127.0.0.1:{plain}"),
    "no scheme, a name": _written("localhost:{plain}"),
    "no scheme, a user": _written("ann:pw@localhost:{plain}"),
    "in quotes": _written('"http://127.0.0.1:{plain}"'),
    "in single quotes": _written("'http://127.0.0.1:{plain}'"),
    "in a word processor's quotes": _written("\u201chttp://127.0.0.1:{plain}\u201d"),
    "a space behind it": _written("http://127.0.0.1:{plain} "),
    "a line's end behind it": _written("http://127.0.0.1:{plain}\n"),
    "one slash": _written("http:/127.0.0.1:{plain}"),
    "no colon": _written("http//127.0.0.1:{plain}"),
    "a scheme twice": Mistake(
        "http://http://127.0.0.1:{plain}", Fault.UNKNOWN_HOST, _ADDRESS, stops=True
    ),
    "a misspelt scheme": _written("htpp://127.0.0.1:{plain}"),
    "a scheme of no registry": _written("ftp://127.0.0.1:{plain}"),
    "a port out of range": _written("http://127.0.0.1:99999"),
    "a port that is not a number": _written("http://127.0.0.1:port"),
    "no host": _written("http://:{plain}"),
    "a variable that is not filled in": _written("${{MLFLOW}}"),
    "the name of the variable in it": _written("MLFLOW_TRACKING_URI=http://127.0.0.1:{plain}"),
    "another database's name": _written(
        "postgres://u:p@127.0.0.1:{free}/db",
        "export MLFLOW_TRACKING_URI=postgresql://USER:PASSWORD@HOST/NAME",
    ),
    "a folder": Mistake("{home}/mlruns", Fault.ADDRESS, "mlflow server --host HOST --port PORT"),
    "a folder that is not there": Mistake("file://{home}/nowhere", Fault.ADDRESS, _ADDRESS),
    "a wrong port": Mistake(
        "http://127.0.0.1:{free}", Fault.UNREACHABLE, "curl -v $MLFLOW_TRACKING_URI/health"
    ),
    "http where TLS is spoken": Mistake(
        "http://127.0.0.1:{tls}",
        Fault.UNREACHABLE,
        "export MLFLOW_TRACKING_URI=https://HOST:PORT",
    ),
    "https where it is not": Mistake("https://127.0.0.1:{plain}", Fault.NO_TLS, _ADDRESS),
    "an unknown host": Mistake(
        "http://nobody.invalid:{plain}", Fault.UNKNOWN_HOST, "getent hosts HOST"
    ),
    "a certificate of nobody known": Mistake(
        "https://localhost:{tls}",
        Fault.UNTRUSTED,
        "export MLFLOW_TRACKING_SERVER_CERT_PATH=/path/of/authority.pem",
    ),
    "a certificate of another name": Mistake(
        "https://127.0.0.1:{tls}",
        Fault.UNTRUSTED,
        "openssl s_client -connect HOST:PORT </dev/null | openssl x509 -noout -ext subjectAltName",
        {"REQUESTS_CA_BUNDLE": "{home}/named.pem"},
    ),
    "no file of certificates": Mistake(
        "https://localhost:{tls}",
        Fault.CERTIFICATE_FILE,
        _FILES,
        {"REQUESTS_CA_BUNDLE": "{home}/none"},
    ),
    "MLflow's own file of certificates, not there": Mistake(
        "https://localhost:{tls}",
        Fault.CERTIFICATE_FILE,
        _FILES,
        {"MLFLOW_TRACKING_SERVER_CERT_PATH": "{home}/none"},
    ),
    "a file that holds no certificate": Mistake(
        "https://localhost:{tls}",
        Fault.CERTIFICATE_FILE,
        "openssl x509 -in $MLFLOW_TRACKING_SERVER_CERT_PATH -noout -subject",
        {"MLFLOW_TRACKING_SERVER_CERT_PATH": "{home}/garbage.db"},
    ),
    "a certificate in DER, not in PEM": Mistake(
        "https://localhost:{tls}",
        Fault.CERTIFICATE_FILE,
        "openssl x509 -inform der -in authority.der -out authority.pem",
        {"REQUESTS_CA_BUNDLE": "{home}/named.der"},
    ),
    "the client's own certificate, not there": Mistake(
        "https://localhost:{tls}",
        Fault.CERTIFICATE_FILE,
        "ls -l $MLFLOW_TRACKING_CLIENT_CERT_PATH",
        {"MLFLOW_TRACKING_CLIENT_CERT_PATH": "{home}/none"},
    ),
    "a dead proxy": Mistake(
        "http://mlflow.invalid:{plain}",
        Fault.PROXY,
        "export NO_PROXY=HOST",
        {"http_proxy": "http://127.0.0.1:{free}"},
    ),
    "a dead proxy for TLS": Mistake(
        "https://mlflow.invalid:{plain}",
        Fault.PROXY,
        "export NO_PROXY=HOST",
        {"https_proxy": "http://127.0.0.1:{free}"},
    ),
    "a proxy whose address has no scheme that is known": Mistake(
        "http://mlflow.invalid:{plain}",
        Fault.PROXY,
        "export HTTP_PROXY=http://HOST:PORT",
        {"http_proxy": "htpp://127.0.0.1:{free}"},
    ),
    "NO_PROXY with a scheme, which counts for nothing": Mistake(
        "http://mlflow.invalid:{plain}",
        Fault.PROXY,
        "export NO_PROXY=HOST",
        {"http_proxy": "http://127.0.0.1:{free}", "no_proxy": "http://mlflow.invalid"},
    ),
    "a token with its line's end": Mistake(
        "http://127.0.0.1:{plain}",
        Fault.CLIENT_SETTING,
        'export MLFLOW_TRACKING_TOKEN="$(tr -d "\\n" < FILE)"',
        {"MLFLOW_TRACKING_TOKEN": "abc\n"},
        stops=True,
    ),
    "a token with `Bearer` in front": Mistake(
        "http://127.0.0.1:{plain}/401",
        Fault.UNAUTHENTICATED,
        "export MLFLOW_TRACKING_TOKEN=TOKEN",
        {"MLFLOW_TRACKING_TOKEN": "Bearer abc"},
        stops=True,
    ),
    "a password with its line's end": Mistake(
        "http://127.0.0.1:{plain}/401",
        Fault.UNAUTHENTICATED,
        'export MLFLOW_TRACKING_PASSWORD="$(tr -d "\\n" < FILE)"',
        {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "pw\n"},
        stops=True,
    ),
    "a user without a password": Mistake(
        "http://127.0.0.1:{plain}/401",
        Fault.UNAUTHENTICATED,
        "export MLFLOW_TRACKING_PASSWORD=...",
        {"MLFLOW_TRACKING_USERNAME": "ann"},
    ),
    "a right token beside a wrong user and password, which win": Mistake(
        "http://127.0.0.1:{plain}/401",
        Fault.UNAUTHENTICATED,
        "unset MLFLOW_TRACKING_USERNAME MLFLOW_TRACKING_PASSWORD",
        {
            "MLFLOW_TRACKING_USERNAME": "ann",
            "MLFLOW_TRACKING_PASSWORD": "wrong",
            "MLFLOW_TRACKING_TOKEN": "right",
        },
    ),
    "an account without READ on the model": Mistake(
        "http://127.0.0.1:{plain}/403",
        Fault.FORBIDDEN,
        "curl -u admin $MLFLOW_TRACKING_URI/api/3.0/mlflow/users/permissions/grant -d ...",
    ),
    "a host name that MLflow does not know": Mistake(
        "http://127.0.0.1:{plain}/host",
        Fault.HOST_REFUSED,
        "mlflow server --allowed-hosts HOST:PORT",
    ),
    "a time that is not a number": Mistake(
        "http://127.0.0.1:{plain}",
        Fault.CLIENT_SETTING,
        "export MLFLOW_HTTP_REQUEST_TIMEOUT=5",
        {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5s"},
    ),
    "neither true nor false": Mistake(
        "https://127.0.0.1:{plain}",
        Fault.CLIENT_SETTING,
        "unset MLFLOW_TRACKING_INSECURE_TLS",
        {"MLFLOW_TRACKING_INSECURE_TLS": "maybe"},
    ),
    "MLFLOW_TRACKING_INSECURE_TLS beside a file of certificates": Mistake(
        "https://127.0.0.1:{plain}",
        Fault.CLIENT_SETTING,
        "unset MLFLOW_TRACKING_INSECURE_TLS",
        {
            "MLFLOW_TRACKING_INSECURE_TLS": "true",
            "MLFLOW_TRACKING_SERVER_CERT_PATH": "{home}/named.pem",
        },
    ),
    "no driver of SQL Server's": Mistake(
        "mssql+pyodbc://u:p@127.0.0.1:{free}/db",
        Fault.DRIVER_MISSING,
        ".venv/bin/python -m pip install pyodbc",
    ),
    "no driver of PostgreSQL's": Mistake(
        "postgresql://u:p@127.0.0.1:{free}/db",
        Fault.DRIVER_MISSING,
        ".venv/bin/python -m pip install psycopg[binary]",
    ),
    "no driver of MySQL's": Mistake(
        "mysql+pymysql://u:p@127.0.0.1:{free}/db",
        Fault.DRIVER_MISSING,
        ".venv/bin/python -m pip install pymysql",
    ),
    "a workspace that is not there": Mistake(
        "http://127.0.0.1:{plain}/workspaces",
        Fault.WORKSPACE,
        "curl $MLFLOW_TRACKING_URI/api/3.0/mlflow/workspaces",
        {"MLFLOW_WORKSPACE": "nowhere"},
    ),
    "a workspace where the server has none": Mistake(
        "http://127.0.0.1:{plain}/none",
        Fault.WORKSPACE,
        "unset MLFLOW_WORKSPACE",
        {"MLFLOW_WORKSPACE": "nowhere"},
    ),
    "a database of another MLflow's": Mistake(
        "sqlite:///{home}/newer.db", Fault.SCHEMA, "mlflow db upgrade $MLFLOW_TRACKING_URI"
    ),
    "a file that is not a database": Mistake(
        "sqlite:///{home}/garbage.db", Fault.DATABASE, "sqlite3 FILE .tables"
    ),
    "a database in a folder that cannot be made": Mistake(
        "sqlite:////proc/nowhere/mlflow.db",
        Fault.DATABASE,
        "export MLFLOW_TRACKING_URI=sqlite:////absolute/path/mlflow.db",
    ),
    "a database server that is not there": Mistake(
        "postgresql+psycopg2://u:p@127.0.0.1:{free}/db",
        Fault.DATABASE,
        "pg_isready -h HOST -p PORT",
    ),
    "Databricks, without its credentials": Mistake(
        "databricks", Fault.ADDRESS, "export DATABRICKS_HOST=... DATABRICKS_TOKEN=..."
    ),
    "somebody else's server": Mistake(
        "http://127.0.0.1:{plain}", Fault.NONSENSE, "curl $MLFLOW_TRACKING_URI/version"
    ),
    "a prefix that is not the server's": Mistake(
        "http://127.0.0.1:{plain}/mlflow", Fault.NONSENSE, "curl $MLFLOW_TRACKING_URI/version"
    ),
    "the same, with a workspace": Mistake(
        "http://127.0.0.1:{plain}/mlflow",
        Fault.NONSENSE,
        "curl $MLFLOW_TRACKING_URI/version",
        {"MLFLOW_WORKSPACE": "team"},
    ),
    "a gateway that answers for a server that is down": Mistake(
        "http://127.0.0.1:{plain}/503", Fault.REFUSED, "curl -v $MLFLOW_TRACKING_URI/health"
    ),
}

_S3: Final = "http://127.0.0.1:{plain}/s3/"
_KEYS: Final = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def _s3(endpoint: str, fault: Fault, mend: str, **variables: str) -> Mistake:
    return Mistake(
        "s3://bucket/model", fault, mend, {**_KEYS, "MLFLOW_S3_ENDPOINT_URL": endpoint, **variables}
    )


_LISTED: Final = "aws s3 ls s3://BUCKET --endpoint-url $MLFLOW_S3_ENDPOINT_URL"
# Of artifacts that the service fetches from their store itself, by their cause.
STORES: Final = {
    "a key that the store does not know": _s3(
        f"{_S3}InvalidAccessKeyId", Fault.ARTIFACT_UNAUTHENTICATED, "aws sts get-caller-identity"
    ),
    "a wrong secret": _s3(
        f"{_S3}SignatureDoesNotMatch", Fault.ARTIFACT_UNAUTHENTICATED, "aws sts get-caller-identity"
    ),
    "credentials that have expired": _s3(
        f"{_S3}ExpiredToken", Fault.ARTIFACT_UNAUTHENTICATED, "aws sts get-caller-identity"
    ),
    "a clock that is wrong": _s3(
        f"{_S3}RequestTimeTooSkewed", Fault.ARTIFACT_UNAUTHENTICATED, "date -u"
    ),
    "an account that may not read the bucket": _s3(
        f"{_S3}AccessDenied", Fault.ARTIFACT_FORBIDDEN, _LISTED
    ),
    "a bucket that is not there": _s3(f"{_S3}NoSuchBucket", Fault.BUCKET_MISSING, _LISTED),
    "another region than the bucket's": _s3(
        f"{_S3}AuthorizationHeaderMalformed",
        Fault.STORE_SETTING,
        "aws s3api get-bucket-location --bucket BUCKET",
    ),
    "a region that cannot be one": _s3(
        f"{_S3}AccessDenied",
        Fault.STORE_SETTING,
        "export AWS_DEFAULT_REGION=eu-central-1",
        AWS_DEFAULT_REGION="eu central",
    ),
    "a profile that is not there": _s3(
        f"{_S3}AccessDenied", Fault.STORE_SETTING, "aws configure list-profiles", AWS_PROFILE="none"
    ),
    "an endpoint without a scheme": _s3(
        "127.0.0.1:{plain}", Fault.STORE_SETTING, "export MLFLOW_S3_ENDPOINT_URL=https://HOST:PORT"
    ),
    "an endpoint at which nobody listens": _s3(
        "http://127.0.0.1:{free}",
        Fault.STORE_UNREACHABLE,
        "curl -v $MLFLOW_S3_ENDPOINT_URL",
    ),
    "an endpoint of an unknown host": _s3(
        "http://nobody.invalid", Fault.STORE_UNREACHABLE, "curl -v $MLFLOW_S3_ENDPOINT_URL"
    ),
    "https where the store does not speak it": _s3(
        "https://127.0.0.1:{plain}",
        Fault.STORE_UNREACHABLE,
        "export MLFLOW_S3_ENDPOINT_URL=http://HOST:PORT",
    ),
    "no library of the store's": Mistake(
        "wasbs://container@account.blob.core.windows.net/model",
        Fault.STORE_DRIVER_MISSING,
        ".venv/bin/python -m pip install --constraint constraints.txt -e '.[azure]'",
    ),
    "a folder of the machine that has trained it": Mistake(
        "{home}/nowhere/model", Fault.ARTIFACT_MISSING, "mlflow server --serve-artifacts"
    ),
}
