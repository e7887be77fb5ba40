"""Policies of IAM, judged."""

from __future__ import annotations

import json

import pytest

from standin.policies import Request, is_allowed

READ = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::lake/*"}
LIST = {
    "Effect": "Allow",
    "Action": ["s3:ListBucket"],
    "Resource": "arn:aws:s3:::lake",
    "Condition": {"StringLike": {"s3:prefix": ["log/*", "song/*"]}},
}
DENY = {"Effect": "Deny", "Action": "*", "Resource": "*/secret"}
OTHERS = {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::closed/*"}
GET, PUT, LISTING = "s3:GetObject", "s3:PutObject", "s3:ListBucket"
LAKE = "arn:aws:s3:::lake"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.mark.parametrize(
    ("statements", "request_", "allowed"),
    [
        ([READ], Request(GET, f"{LAKE}/a"), True),
        ([READ], Request("s3:getobject", f"{LAKE}/a"), True),
        ([READ], Request(PUT, f"{LAKE}/a"), False),
        ([READ], Request(GET, "arn:aws:s3:::sea/a"), False),
        ([READ, DENY], Request(GET, f"{LAKE}/secret"), False),
        ([LIST], Request(LISTING, LAKE, context={"s3:prefix": "log/2018"}), True),
        ([LIST], Request(LISTING, LAKE, context={"s3:prefix": "other/"}), False),
        ([LIST], Request(LISTING, LAKE), False),
        ([LIST | {"Effect": "Deny"}, OTHERS], Request(LISTING, LAKE), True),
        ([OTHERS], Request(PUT, f"{LAKE}/a"), True),
        ([OTHERS], Request("iam:PassRole", f"{LAKE}/a"), False),
        ([OTHERS], Request(GET, "arn:aws:s3:::closed/a"), False),
        ([], Request(GET, f"{LAKE}/a"), False),
    ],
)
def test_a_request_is_allowed_by_what_applies_to_it_and_denied_by_one_denial(
    statements, request_, allowed
):
    assert is_allowed([policy(*statements)], request_) is allowed
    assert is_allowed([policy(each) for each in statements], request_) is allowed


@pytest.mark.parametrize(
    ("service", "source", "trusted"),
    [
        ("redshift.amazonaws.com", "arn:aws:redshift:us-west-2:1:cluster:bee", True),
        ("redshift.amazonaws.com", "arn:aws:redshift:us-west-2:1:cluster:wasp", False),
        ("ec2.amazonaws.com", "arn:aws:redshift:us-west-2:1:cluster:bee", False),
    ],
)
def test_a_role_may_trust_a_service_on_behalf_of_one_cluster_alone(service, source, trusted):
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "redshift.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:redshift:*:1:cluster:bee"}},
    }
    wanted = Request("sts:AssumeRole", service=service, context={"aws:SourceArn": source})
    assert is_allowed([policy(trust)], wanted) is trusted
