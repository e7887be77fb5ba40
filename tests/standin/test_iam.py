"""Clusters that are made by the API: reached by their host names, entered by what IAM gives out."""

from __future__ import annotations

import json
import uuid

import pytest
import redshift_connector
from redshift_connector import InterfaceError, ProgrammingError

PASSWORD = f"Aa1-{uuid.uuid4().hex}"


@pytest.fixture
def make_cluster(cloud):
    """Return a function that makes a cluster and returns its description."""
    redshift = cloud.client("redshift")
    made = set()

    def make(name="musicbee", roles=()):
        redshift.create_cluster(
            ClusterIdentifier=name,
            NodeType="ra3.large",
            ClusterType="single-node",
            DBName="dwh",
            MasterUsername="admin",
            MasterUserPassword=PASSWORD,
            IamRoles=list(roles),
        )
        made.add(name)
        return redshift.describe_clusters(ClusterIdentifier=name)["Clusters"][0]

    def delete(name="musicbee"):
        redshift.delete_cluster(ClusterIdentifier=name, SkipFinalClusterSnapshot=True)
        made.remove(name)

    make.delete = delete
    yield make
    for name in list(made):
        delete(name)


@pytest.fixture
def enter():
    """Return a function that connects to a cluster."""
    opened = []

    def enter(cluster, user="admin", password=PASSWORD, database="dwh"):
        endpoint = cluster["Endpoint"]
        opened.append(
            redshift_connector.connect(
                host=endpoint["Address"],
                port=endpoint["Port"],
                user=user,
                password=password,
                database=database,
                sslmode="verify-full",
            )
        )
        return opened[-1]

    yield enter
    for connection in opened:
        connection.close()


def answer(connection, sql):
    cursor = connection.cursor()
    cursor.execute(sql)
    return tuple(cursor.fetchone())


def test_a_cluster_is_reached_by_tls_at_the_name_of_its_endpoint(make_cluster, enter):
    cluster = make_cluster()
    connection = enter(cluster)
    names = connection._usock.getpeercert()["subjectAltName"]
    assert names == (("DNS", cluster["Endpoint"]["Address"]),)
    assert answer(connection, "SELECT current_user, current_database()") == ("admin", "dwh")


def test_each_cluster_has_its_own_databases_and_a_new_one_is_empty(make_cluster, enter):
    first, second = make_cluster("one"), make_cluster("two")
    connection = enter(first)
    connection.cursor().execute("CREATE TABLE t (id int)")
    connection.commit()
    make_cluster.delete("one")
    for cluster in (second, make_cluster("one")):
        with pytest.raises(ProgrammingError, match='"t" does not exist'):
            enter(cluster).cursor().execute("SELECT * FROM t")


@pytest.mark.usefixtures("refused_logins")
def test_a_paused_cluster_lets_nobody_in_and_a_deleted_one_is_not_found(cloud, make_cluster, enter):
    cluster = make_cluster()
    enter(cluster)
    cloud.client("redshift").pause_cluster(ClusterIdentifier="musicbee")
    with pytest.raises(Exception, match="Name or service not known"):
        enter(cluster)
    cloud.client("redshift").resume_cluster(ClusterIdentifier="musicbee")
    enter(cluster)
    make_cluster.delete()
    with pytest.raises(Exception, match="Name or service not known"):
        enter(cluster)


@pytest.mark.usefixtures("refused_logins")
def test_a_temporary_password_lets_in_its_user_at_its_cluster(cloud, make_cluster, enter):
    cluster, other = make_cluster(), make_cluster("other")
    given = cloud.client("redshift").get_cluster_credentials(
        ClusterIdentifier="musicbee", DbUser="admin", DbName="dwh", AutoCreate=False
    )
    connection = enter(cluster, given["DbUser"], given["DbPassword"])
    assert given["DbUser"] == "IAM:admin"
    assert answer(connection, "SELECT current_user") == ("admin",)
    assert given["DbPassword"] in cloud.secrets
    for place, user in ((other, given["DbUser"]), (cluster, "IAM:awsuser")):
        with pytest.raises(InterfaceError, match="password authentication failed"):
            enter(place, user, given["DbPassword"])


@pytest.mark.usefixtures("refused_logins")
def test_a_user_who_is_not_there_gets_in_only_if_he_is_to_be_made(cloud, make_cluster, enter):
    cluster, redshift = make_cluster(), cloud.client("redshift")
    asked = {"ClusterIdentifier": "musicbee", "DbUser": f"u{uuid.uuid4().hex}", "DbName": "dwh"}
    given = redshift.get_cluster_credentials(**asked, AutoCreate=False)
    with pytest.raises(InterfaceError, match="password authentication failed"):
        enter(cluster, given["DbUser"], given["DbPassword"])
    given = redshift.get_cluster_credentials(**asked, AutoCreate=True)
    connection = enter(cluster, given["DbUser"], given["DbPassword"])
    assert answer(connection, "SELECT current_user") == (asked["DbUser"],)


@pytest.mark.usefixtures("refused_logins")
def test_an_expired_password_lets_nobody_in(cloud, make_cluster, enter, monkeypatch):
    cluster = make_cluster()
    given = cloud.client("redshift").get_cluster_credentials_with_iam(
        ClusterIdentifier="musicbee", DbName="dwh", DurationSeconds=900
    )
    enter(cluster, given["DbUser"], given["DbPassword"])

    class Later(given["Expiration"].__class__):
        @classmethod
        def now(cls, _):
            return given["Expiration"]

    monkeypatch.setattr("standin.logins.datetime", Later)
    with pytest.raises(InterfaceError, match="password authentication failed"):
        enter(cluster, given["DbUser"], given["DbPassword"])


def test_the_caller_s_identity_is_a_user_of_its_own(cloud, make_cluster, enter):
    cluster = make_cluster()
    given = cloud.client("redshift").get_cluster_credentials_with_iam(
        ClusterIdentifier="musicbee", DbName="dwh"
    )
    connection = enter(cluster, given["DbUser"], given["DbPassword"])
    assert answer(connection, "SELECT current_user") == ("IAM:tester",)
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE mine (id int)")


def test_the_driver_s_own_iam_login_works(make_cluster):
    make_cluster()
    connection = redshift_connector.connect(
        iam=True, cluster_identifier="musicbee", db_user="admin", database="dwh", region="us-east-1"
    )
    assert answer(connection, "SELECT current_user") == ("admin",)
    connection.close()


def test_a_role_has_to_be_attached_to_the_cluster(cloud, make_cluster, enter, put):
    source = put("a.json", json.dumps({"id": 7}))
    statement = f"COPY t FROM '{source}' IAM_ROLE {{}} JSON 'auto'"
    for roles, role, told in (
        ([cloud.role], f"'{cloud.role}'", None),
        ([cloud.role], "default", None),
        ([], f"'{cloud.role}'", "Not authorized to get credentials"),
        ([], "default", "not set"),
    ):
        cursor = enter(make_cluster(roles=roles)).cursor()
        cursor.execute("CREATE TABLE t (id int)")
        if told is None:
            cursor.execute(statement.format(role))
            cursor.execute("SELECT id FROM t")
            assert cursor.fetchall() == ([7],)
        else:
            with pytest.raises(ProgrammingError, match=told):
                cursor.execute(statement.format(role))
        make_cluster.delete()
