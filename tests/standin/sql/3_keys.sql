-- Primary keys and unique constraints can be declared and read, and are not enforced: their indexes
-- are unique only while a table is being made or altered, when PostgreSQL looks whether they are.
-- Foreign keys are silenced by session_replication_role = replica.
SET allow_system_table_mods = on;

CREATE FUNCTION standin.make_unique(wanted boolean) RETURNS void
SECURITY DEFINER LANGUAGE sql AS $$
    UPDATE pg_catalog.pg_index SET indisunique = wanted
    FROM pg_catalog.pg_constraint AS c JOIN pg_catalog.pg_class AS r ON r.oid = c.conrelid
    WHERE c.conindid = indexrelid AND c.contype IN ('p', 'u') AND indisunique <> wanted
    AND r.relnamespace <> 'standin'::regnamespace $$;
CREATE FUNCTION standin.before_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM standin.make_unique(true); END $$;
CREATE FUNCTION standin.after_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM standin.make_unique(false); END $$;
CREATE EVENT TRIGGER before_ddl ON ddl_command_start
WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION standin.before_ddl();
CREATE EVENT TRIGGER after_ddl ON ddl_command_end
WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION standin.after_ddl();
ALTER EVENT TRIGGER before_ddl ENABLE ALWAYS;
ALTER EVENT TRIGGER after_ddl ENABLE ALWAYS;
