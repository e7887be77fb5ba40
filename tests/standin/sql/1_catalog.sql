-- What Redshift's catalog has and PostgreSQL's lacks. Run once, in the template of every database.
SET allow_system_table_mods = on;
SET check_function_bodies = off;
CREATE SCHEMA standin;
GRANT USAGE ON SCHEMA standin TO PUBLIC;
-- https://docs.aws.amazon.com/redshift/latest/dg/r_Schemas_and_tables.html
GRANT ALL ON SCHEMA public TO PUBLIC;

-- Distribution, sort order and encoding of tables, written in the client's own transaction.
CREATE TABLE standin.tables (
    relid oid PRIMARY KEY,
    diststyle smallint NOT NULL DEFAULT 10
);
CREATE TABLE standin.columns (
    relid oid,
    attnum smallint,
    distkey boolean NOT NULL DEFAULT false,
    sortkey int NOT NULL DEFAULT 0,
    encoding text,
    PRIMARY KEY (relid, attnum)
);

-- Errors and files of COPY, in files that the front writes to, outside of any transaction.
CREATE EXTENSION file_fdw SCHEMA standin;
CREATE SERVER load_log FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE standin.all_load_errors (
    database oid, userid int, slice int, tbl int, starttime timestamp, session int, query bigint,
    filename text, line_number bigint, colname text, type text, col_length text, position int,
    raw_line text, raw_field_value text, err_code int, err_reason text
) SERVER load_log OPTIONS (filename '{folder}/load_errors.csv', format 'csv');
CREATE FOREIGN TABLE standin.all_load_files (
    database oid, query bigint, filename text, lines_scanned bigint, curtime timestamp
) SERVER load_log OPTIONS (filename '{folder}/load_files.csv', format 'csv');
CREATE FUNCTION standin.this_database() RETURNS oid STABLE LANGUAGE sql AS $$
    SELECT oid FROM pg_catalog.pg_database
    WHERE datname = pg_catalog.full_current_database() $$;
CREATE VIEW standin.load_errors AS
SELECT * FROM standin.all_load_errors WHERE database = standin.this_database();
CREATE VIEW standin.load_files AS
SELECT * FROM standin.all_load_files WHERE database = standin.this_database();
GRANT ALL ON ALL TABLES IN SCHEMA standin TO PUBLIC;

-- https://docs.aws.amazon.com/redshift/latest/dg/r_STL_LOAD_ERRORS.html
CREATE VIEW pg_catalog.stl_load_errors AS
SELECT
    userid, slice, tbl, starttime, session, query,
    filename::char(256) AS filename, line_number,
    colname::char(127) AS colname, type::char(10) AS type, col_length::char(10) AS col_length,
    position, raw_line::char(1024) AS raw_line, raw_field_value::char(1024) AS raw_field_value,
    err_code, err_reason::char(100) AS err_reason, false AS is_partial, 0 AS start_offset
FROM standin.load_errors;

-- https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html
CREATE VIEW pg_catalog.sys_load_error_detail AS
SELECT
    userid AS user_id, query AS query_id, 0::bigint AS transaction_id, session AS session_id,
    current_database()::char(64) AS database_name, tbl AS table_id, starttime AS start_time,
    filename::char(256) AS file_name, line_number, colname::char(127) AS column_name,
    type::char(10) AS column_type, col_length::char(10) AS column_length, position,
    err_code AS error_code, err_reason::char(512) AS error_message
FROM standin.load_errors;

-- https://docs.aws.amazon.com/redshift/latest/dg/r_STL_LOAD_COMMITS.html
CREATE VIEW pg_catalog.stl_load_commits AS
SELECT query, filename::char(256) AS filename, lines_scanned, curtime FROM standin.load_files;

-- https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_DETAIL.html
CREATE VIEW pg_catalog.sys_load_detail AS
SELECT
    query AS query_id, filename::varchar(1024) AS file_name, lines_scanned, curtime AS start_time
FROM standin.load_files;

-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TRANSACTIONS.html
CREATE VIEW pg_catalog.svv_transactions AS
SELECT
    a.usename::text AS txn_owner, current_database()::text AS txn_db, l.pid::bigint AS xid, l.pid,
    a.xact_start AT TIME ZONE 'UTC' AS txn_start, l.mode AS lock_mode,
    l.locktype AS lockable_object_type, l.relation::int AS relation, l.granted
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE a.datid = standin.this_database();

CREATE FUNCTION standin.encodings() RETURNS text[] IMMUTABLE LANGUAGE sql AS $$
    SELECT ARRAY['none', 'bytedict', 'delta', 'delta32k', 'lzo', 'mostly8', 'mostly16', 'mostly32',
        'runlength', 'text255', 'text32k', 'zstd', 'az64'] $$;
CREATE FUNCTION pg_catalog.format_encoding(code int) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT (standin.encodings())[code + 1] $$;

-- These five stand in for pg_catalog's tables of the same names in what a client asks.
CREATE VIEW standin.pg_class AS
SELECT c.*, coalesce(t.diststyle, 10::smallint) AS reldiststyle
FROM pg_catalog.pg_class AS c LEFT JOIN standin.tables AS t ON t.relid = c.oid
WHERE c.relnamespace <> 'standin'::regnamespace AND c.relkind NOT IN ('S', 'i', 't', 'I');

CREATE VIEW standin.pg_namespace AS
SELECT * FROM pg_catalog.pg_namespace WHERE nspname <> 'standin';

-- What the encoding is where none was given: sort keys stay raw, numbers and times are AZ64, text
-- is LZO (https://docs.aws.amazon.com/redshift/latest/dg/c_Compression_encodings.html).
CREATE VIEW standin.pg_attribute AS
SELECT
    a.*,
    coalesce(s.distkey, false) AS attisdistkey,
    coalesce(s.sortkey, 0) AS attsortkeyord,
    (array_position(standin.encodings(), coalesce(s.encoding, CASE
        WHEN coalesce(s.sortkey, 0) <> 0 THEN 'none'
        WHEN a.atttypid IN (1042, 1043, 25) THEN 'lzo'
        WHEN a.atttypid IN (20, 21, 23, 1082, 1083, 1114, 1184, 1266, 1700) THEN 'az64'
        ELSE 'none'
    END)) - 1)::smallint AS attencodingtype
FROM pg_catalog.pg_attribute AS a
LEFT JOIN standin.columns AS s ON s.relid = a.attrelid AND s.attnum = a.attnum;

-- An IDENTITY column is one with a default that names a function.
CREATE VIEW standin.pg_attrdef AS
SELECT
    d.oid, d.adrelid, d.adnum,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS adbin,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS adsrc
FROM pg_catalog.pg_attrdef AS d
UNION ALL
SELECT NULL, a.attrelid, a.attnum, s.text, s.text
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid,
LATERAL (
    SELECT format(
        CASE a.attidentity
            WHEN 'a' THEN '"identity"(%s, %s, ''%s,%s''::text)'
            ELSE 'default_identity(%s, %s, ''%s,%s''::text)'
        END,
        a.attrelid, a.attnum - 1, q.seqstart, q.seqincrement
    ) AS text
    FROM pg_catalog.pg_sequence AS q
    WHERE q.seqrelid = pg_get_serial_sequence(
        format('%I.%I', c.relnamespace::regnamespace, c.relname), a.attname
    )::regclass
) AS s
WHERE a.attidentity <> '';

CREATE VIEW standin.pg_constraint AS
SELECT * FROM pg_catalog.pg_constraint
WHERE contype IN ('p', 'u', 'f') AND connamespace <> 'standin'::regnamespace;

CREATE FUNCTION standin.pg_get_expr(text, oid) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT $1 $$;
GRANT SELECT ON ALL TABLES IN SCHEMA standin TO PUBLIC;

-- Views that tools read: https://docs.aws.amazon.com/redshift/latest/dg/c_intro_system_views.html
CREATE VIEW pg_catalog.pg_table_def AS
SELECT
    n.nspname AS schemaname, c.relname AS tablename, a.attname AS "column",
    format_type(a.atttypid, a.atttypmod) AS type, format_encoding(a.attencodingtype) AS encoding,
    a.attisdistkey AS distkey, a.attsortkeyord AS sortkey, a.attnotnull AS "notnull"
FROM standin.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN standin.pg_attribute AS a ON a.attrelid = c.oid
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r'
AND pg_catalog.pg_table_is_visible(c.oid) AND n.nspname <> 'pg_catalog';

-- Redshift's view doesn't wait for a table that somebody has locked, so neither do these.
CREATE FUNCTION standin.size_of(oid) RETURNS bigint SECURITY DEFINER SET lock_timeout TO '20ms'
LANGUAGE plpgsql AS $$
    BEGIN
        RETURN pg_relation_size($1);
    EXCEPTION WHEN lock_not_available THEN
        RETURN NULL;
    END $$;
CREATE FUNCTION standin.rows_of(oid) RETURNS bigint SECURITY DEFINER SET lock_timeout TO '20ms'
LANGUAGE plpgsql AS $$
    DECLARE result bigint;
    BEGIN
        EXECUTE format('SELECT count(*) FROM %s', $1::regclass) INTO result;
        RETURN result;
    EXCEPTION WHEN lock_not_available THEN
        RETURN NULL;
    END $$;

-- Leaves empty tables out, as Redshift does:
-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TABLE_INFO.html
CREATE VIEW pg_catalog.svv_table_info AS
SELECT * FROM (
    SELECT
        current_database()::text AS database, n.nspname::text AS schema, c.oid AS table_id,
        c.relname::text AS "table", 'Y'::text AS encoded,
        CASE c.reldiststyle
            WHEN 0 THEN 'EVEN'
            WHEN 1 THEN 'KEY(' || (
                SELECT a.attname FROM standin.pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attisdistkey
            ) || ')'
            WHEN 8 THEN 'ALL'
            ELSE 'AUTO(ALL)'
        END AS diststyle,
        coalesce((
            SELECT a.attname::text FROM standin.pg_attribute AS a
            WHERE a.attrelid = c.oid AND abs(a.attsortkeyord) = 1
        ), 'AUTO(SORTKEY)') AS sortkey1,
        (
            SELECT count(*) FROM standin.pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attsortkeyord <> 0
        )::int AS sortkey_num,
        (standin.size_of(c.oid) / 1048576)::bigint AS size,
        standin.rows_of(c.oid)::numeric(38, 0) AS tbl_rows,
        0::numeric(5, 2) AS unsorted, 0::numeric(5, 2) AS stats_off, 1::numeric(19, 2) AS skew_rows
    FROM standin.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
) AS info
WHERE tbl_rows > 0;

CREATE VIEW pg_catalog.svv_all_columns AS
SELECT
    table_catalog::text AS database_name, table_schema::text AS schema_name, table_name::text,
    column_name::text, ordinal_position::int, column_default::text, is_nullable::text,
    data_type::text, character_maximum_length::int, numeric_precision::int, numeric_scale::int,
    ''::text AS remarks
FROM information_schema.columns;

-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_RELATION_PRIVILEGES.html
CREATE VIEW pg_catalog.svv_relation_privileges AS
SELECT
    n.nspname::text AS namespace_name, c.relname::text AS relation_name,
    g.privilege_type::text AS privilege_type, g.grantee AS identity_id,
    coalesce(r.rolname, 'public')::text AS identity_name,
    (CASE
        WHEN g.grantee = 0 THEN 'public'
        WHEN r.rolcanlogin THEN 'user'
        ELSE 'group'
    END)::text AS identity_type,
    g.is_grantable AS admin_option
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace,
LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS g
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = g.grantee
WHERE c.relkind IN ('r', 'v') AND n.nspname !~ '^pg_';
GRANT SELECT ON pg_catalog.svv_relation_privileges TO PUBLIC;

-- There are no external tables and no late-binding views here.
CREATE FUNCTION pg_catalog.pg_get_late_binding_view_cols() RETURNS SETOF record LANGUAGE sql AS $$
    SELECT NULL::name, NULL::name, NULL::name, NULL::varchar, NULL::int WHERE false $$;
CREATE VIEW pg_catalog.svv_external_schemas AS
SELECT
    NULL::oid AS esoid, NULL::smallint AS eskind, NULL::name AS schemaname, NULL::oid AS esowner,
    NULL::text AS databasename, NULL::text AS esoptions
WHERE false;
CREATE VIEW pg_catalog.svv_external_tables AS
SELECT NULL::text AS schemaname, NULL::text AS tablename, NULL::text AS location WHERE false;
CREATE VIEW pg_catalog.svv_external_columns AS
SELECT
    NULL::text AS schemaname, NULL::text AS tablename, NULL::text AS columnname,
    NULL::text AS external_type, NULL::int AS columnnum
WHERE false;

GRANT SELECT ON
    pg_catalog.stl_load_errors, pg_catalog.sys_load_error_detail, pg_catalog.stl_load_commits,
    pg_catalog.sys_load_detail, pg_catalog.svv_transactions, pg_catalog.pg_table_def,
    pg_catalog.svv_table_info, pg_catalog.svv_all_columns, pg_catalog.svv_external_schemas, pg_catalog.svv_external_tables,
    pg_catalog.svv_external_columns
TO PUBLIC;
