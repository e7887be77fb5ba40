-- Functions that Redshift has and PostgreSQL lacks, and one that must tell another name.
SET allow_system_table_mods = on;

CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text STABLE LANGUAGE sql AS $$
    SELECT 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 '
        '(Red Hat 3.4.2-6.fc3), Redshift 1.0.199999' $$;

-- Databases of clusters bear the cluster's name after an @, which nobody is to see.
ALTER FUNCTION pg_catalog.current_database() RENAME TO full_current_database;
CREATE FUNCTION pg_catalog.current_database() RETURNS name STABLE LANGUAGE sql AS $$
    SELECT split_part(full_current_database(), '@', 1)::name $$;

-- https://docs.aws.amazon.com/redshift/latest/dg/r_GETDATE.html tells seconds,
-- https://docs.aws.amazon.com/redshift/latest/dg/r_SYSDATE.html the start of the transaction.
CREATE FUNCTION pg_catalog.getdate() RETURNS timestamp STABLE LANGUAGE sql AS $$
    SELECT date_trunc('second', clock_timestamp() AT TIME ZONE 'UTC') $$;
CREATE FUNCTION standin.sysdate() RETURNS timestamp STABLE LANGUAGE sql AS $$
    SELECT transaction_timestamp() AT TIME ZONE 'UTC' $$;

CREATE FUNCTION pg_catalog.nvl(VARIADIC anycompatiblearray) RETURNS anycompatible
IMMUTABLE LANGUAGE sql AS $$
    SELECT value FROM unnest($1) WITH ORDINALITY AS u (value, place)
    WHERE value IS NOT NULL ORDER BY place LIMIT 1 $$;
CREATE FUNCTION pg_catalog.nvl2(anyelement, anycompatible, anycompatible) RETURNS anycompatible
IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE WHEN $1 IS NOT NULL THEN $2 ELSE $3 END $$;
CREATE FUNCTION pg_catalog.len(text) RETURNS int IMMUTABLE STRICT LANGUAGE sql AS $$
    SELECT length($1) $$;
CREATE FUNCTION pg_catalog.charindex(text, text) RETURNS int IMMUTABLE STRICT LANGUAGE sql AS $$
    SELECT strpos($2, $1) $$;

-- The name of a date part, of all that Redshift knows it by:
-- https://docs.aws.amazon.com/redshift/latest/dg/r_Dateparts_for_datetime_functions.html
CREATE FUNCTION standin.part(name text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE
        WHEN lower(name) IN ('y', 'yr', 'yrs', 'year', 'years') THEN 'year'
        WHEN lower(name) IN ('qtr', 'qtrs', 'quarter', 'quarters') THEN 'quarter'
        WHEN lower(name) IN ('mon', 'mons', 'month', 'months') THEN 'month'
        WHEN lower(name) IN ('w', 'week', 'weeks') THEN 'week'
        WHEN lower(name) IN ('d', 'day', 'days') THEN 'day'
        WHEN lower(name) IN ('h', 'hr', 'hrs', 'hour', 'hours') THEN 'hour'
        WHEN lower(name) IN ('m', 'min', 'mins', 'minute', 'minutes') THEN 'minute'
        WHEN lower(name) IN ('s', 'sec', 'secs', 'second', 'seconds') THEN 'second'
        WHEN lower(name) IN ('ms', 'msec', 'msecs', 'millisecond', 'milliseconds', 'millisec')
            THEN 'milliseconds'
        WHEN lower(name) IN ('us', 'usec', 'usecs', 'microsecond', 'microseconds', 'microsec')
            THEN 'microseconds'
    END $$;
CREATE FUNCTION pg_catalog.dateadd(part text, count bigint, start timestamp) RETURNS timestamp
IMMUTABLE STRICT LANGUAGE sql AS $$
    SELECT start + CASE standin.part(part)
        WHEN 'quarter' THEN 3 * count * interval '1 month'
        ELSE count * ('1 ' || standin.part(part))::interval
    END $$;

-- Counts the boundaries between two times; a week begins on Sunday:
-- https://docs.aws.amazon.com/redshift/latest/dg/r_DATEDIFF_function.html
CREATE FUNCTION pg_catalog.datediff(part text, start timestamp, finish timestamp) RETURNS bigint
IMMUTABLE STRICT LANGUAGE sql AS $$
    SELECT CASE standin.part(part)
        WHEN 'year' THEN extract(year FROM finish) - extract(year FROM start)
        WHEN 'quarter' THEN extract(year FROM finish) * 4 + extract(quarter FROM finish)
            - extract(year FROM start) * 4 - extract(quarter FROM start)
        WHEN 'month' THEN extract(year FROM finish) * 12 + extract(month FROM finish)
            - extract(year FROM start) * 12 - extract(month FROM start)
        WHEN 'week' THEN (date_trunc('week', finish + interval '1 day')::date
            - date_trunc('week', start + interval '1 day')::date) / 7
        WHEN 'day' THEN finish::date - start::date
        ELSE extract(epoch FROM date_trunc(standin.part(part), finish)
            - date_trunc(standin.part(part), start))
            / extract(epoch FROM ('1 ' || standin.part(part))::interval)
    END::bigint $$;

CREATE DOMAIN pg_catalog.super AS jsonb;
CREATE FUNCTION pg_catalog.json_parse(text) RETURNS pg_catalog.super
IMMUTABLE STRICT LANGUAGE sql AS $$
    SELECT $1::jsonb $$;

CREATE FUNCTION pg_catalog.pg_last_copy_count() RETURNS bigint STABLE LANGUAGE sql AS $$
    SELECT coalesce(nullif(current_setting('standin.copy_count', true), ''), '0')::bigint $$;
CREATE FUNCTION pg_catalog.pg_last_copy_id() RETURNS bigint STABLE LANGUAGE sql AS $$
    SELECT coalesce(nullif(current_setting('standin.copy_id', true), ''), '-1')::bigint $$;
CREATE FUNCTION pg_catalog.pg_last_unload_count() RETURNS bigint STABLE LANGUAGE sql AS $$
    SELECT coalesce(nullif(current_setting('standin.unload_count', true), ''), '0')::bigint $$;

-- Lets the front's own errors fail the client's transaction as PostgreSQL's do.
CREATE FUNCTION standin.fail(message text, state text, detail text) RETURNS void
LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING MESSAGE = message, ERRCODE = state, DETAIL = detail;
    END $$;
