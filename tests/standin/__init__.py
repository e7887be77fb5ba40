"""A stand-in for Amazon Redshift and the services around it, for the tests, out of PyPI alone.

What a client meets is Redshift's wire protocol, over TLS, at a host name; behind are PostgreSQL out
of a wheel and moto. From the client inwards:

- ``cloud``: everything together, with the environment that leads code under test here.
- ``services``, ``logins``: AWS's APIs over HTTP: S3, IAM, STS, EC2, Redshift, Secrets Manager;
  and the passwords for Redshift that they give out.
- ``clusters``: what a host name leads to: users, databases, attached roles.
- ``front``, ``session``, ``certificates``: the server, one connection, its certificates.
- ``asked``: what was asked, in order, and what is told to go wrong; ``grammar`` and ``leaks`` are
  what a session of tests is held against at its end.
- ``statements``: each statement is planned: refused, rewritten, or passed on as it is. ``tables``,
  ``copying``, ``unloading`` plan theirs, ``expressions`` rewrites inside any of them.
- ``storage``, ``policies``: S3 as a role may use it.
- ``documents``, ``values``, ``loadlog``: COPY's way from files to rows, and what it could not load.
- ``sql/``: the catalog and the functions that PostgreSQL lacks.
- ``postgres``, ``wire``: the server behind, and its protocol.
- ``fixtures``: what a test asks for.

What it can't show: where rows lie, how they are sorted and compressed, plans, timing, work queues;
numbers of IDENTITY with gaps; what only leader or only compute nodes know; and the wording of
errors beyond those cited where they are raised. It was held against AWS's documentation and reports
of users, never against a cluster.
"""
