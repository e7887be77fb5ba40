-- 1 of 28: DELETE staging_events
DELETE FROM staging_events;

-- 2 of 28: DELETE staging_songs
DELETE FROM staging_songs;

-- 3 of 28: DELETE staging_repeats
DELETE FROM staging_repeats;

-- 4 of 28: DELETE staging_overrides
DELETE FROM staging_overrides;

-- 5 of 28: COPY staging_events
INSERT INTO staging_events (artist, auth, first_name, gender, item_in_session, last_name, length, level, location, method, page, registration, session_id, song, status, ts, user_agent, user_id)
SELECT
  "artist",
  "auth",
  "firstName",
  "gender",
  CAST(NULLIF("itemInSession", '') AS INTEGER),
  "lastName",
  CAST(NULLIF("length", '') AS DOUBLE),
  "level",
  "location",
  "method",
  "page",
  CAST(NULLIF("registration", '') AS DOUBLE),
  CAST(NULLIF("sessionId", '') AS BIGINT),
  "song",
  CAST(NULLIF("status", '') AS SMALLINT),
  epoch_ms(CAST(NULLIF("ts", '') AS BIGINT)),
  "userAgent",
  CAST(NULLIF("userId", '') AS BIGINT)
FROM read_json(
  ['examples/data/log_data/**/*.json*'],
  format = 'unstructured',
  records = true,
  columns = {'artist': 'VARCHAR', 'auth': 'VARCHAR', 'firstName': 'VARCHAR', 'gender': 'VARCHAR', 'itemInSession': 'VARCHAR', 'lastName': 'VARCHAR', 'length': 'VARCHAR', 'level': 'VARCHAR', 'location': 'VARCHAR', 'method': 'VARCHAR', 'page': 'VARCHAR', 'registration': 'VARCHAR', 'sessionId': 'VARCHAR', 'song': 'VARCHAR', 'status': 'VARCHAR', 'ts': 'VARCHAR', 'userAgent': 'VARCHAR', 'userId': 'VARCHAR'},
  maximum_object_size = 4194304)
WHERE CASE
    WHEN strlen("artist") > 512 THEN error('staging_events.artist takes 512 bytes, not the ' || strlen("artist") || ' of ' || left("artist", 60))
    WHEN strlen("auth") > 32 THEN error('staging_events.auth takes 32 bytes, not the ' || strlen("auth") || ' of ' || left("auth", 60))
    WHEN strlen("firstName") > 128 THEN error('staging_events.first_name takes 128 bytes, not the ' || strlen("firstName") || ' of ' || left("firstName", 60))
    WHEN strlen("gender") > 16 THEN error('staging_events.gender takes 16 bytes, not the ' || strlen("gender") || ' of ' || left("gender", 60))
    WHEN NOT regexp_full_match("itemInSession", '\s*([+-]?\d+)?\s*') THEN error('staging_events.item_in_session takes whole numbers, not ' || left("itemInSession", 60))
    WHEN strlen("lastName") > 128 THEN error('staging_events.last_name takes 128 bytes, not the ' || strlen("lastName") || ' of ' || left("lastName", 60))
    WHEN NOT regexp_full_match("length", '\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)?\s*') OR isinf(TRY_CAST("length" AS DOUBLE)) THEN error('staging_events.length takes numbers, not ' || left("length", 60))
    WHEN strlen("level") > 16 THEN error('staging_events.level takes 16 bytes, not the ' || strlen("level") || ' of ' || left("level", 60))
    WHEN strlen("location") > 256 THEN error('staging_events.location takes 256 bytes, not the ' || strlen("location") || ' of ' || left("location", 60))
    WHEN strlen("method") > 16 THEN error('staging_events.method takes 16 bytes, not the ' || strlen("method") || ' of ' || left("method", 60))
    WHEN strlen("page") > 64 THEN error('staging_events.page takes 64 bytes, not the ' || strlen("page") || ' of ' || left("page", 60))
    WHEN NOT regexp_full_match("registration", '\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)?\s*') OR isinf(TRY_CAST("registration" AS DOUBLE)) THEN error('staging_events.registration takes numbers, not ' || left("registration", 60))
    WHEN NOT regexp_full_match("sessionId", '\s*([+-]?\d+)?\s*') THEN error('staging_events.session_id takes whole numbers, not ' || left("sessionId", 60))
    WHEN strlen("song") > 512 THEN error('staging_events.song takes 512 bytes, not the ' || strlen("song") || ' of ' || left("song", 60))
    WHEN NOT regexp_full_match("status", '\s*([+-]?\d+)?\s*') THEN error('staging_events.status takes whole numbers, not ' || left("status", 60))
    WHEN NOT regexp_full_match("ts", '\s*([+-]?\d+)?\s*') THEN error('staging_events.ts takes whole numbers, not ' || left("ts", 60))
    WHEN strlen("userAgent") > 1024 THEN error('staging_events.user_agent takes 1024 bytes, not the ' || strlen("userAgent") || ' of ' || left("userAgent", 60))
    WHEN NOT regexp_full_match("userId", '\s*([+-]?\d+)?\s*') THEN error('staging_events.user_id takes whole numbers, not ' || left("userId", 60))
    ELSE true END;

-- 6 of 28: COPY staging_songs
INSERT INTO staging_songs (num_songs, song_id, title, duration, year, artist_id, artist_name, artist_latitude, artist_longitude, artist_location)
SELECT
  CAST(NULLIF("num_songs", '') AS INTEGER),
  "song_id",
  "title",
  CAST(NULLIF("duration", '') AS DOUBLE),
  CAST(NULLIF("year", '') AS SMALLINT),
  "artist_id",
  "artist_name",
  CAST(NULLIF("artist_latitude", '') AS DOUBLE),
  CAST(NULLIF("artist_longitude", '') AS DOUBLE),
  "artist_location"
FROM read_json(
  ['examples/data/song_data/**/*.json*'],
  format = 'unstructured',
  records = true,
  columns = {'num_songs': 'VARCHAR', 'song_id': 'VARCHAR', 'title': 'VARCHAR', 'duration': 'VARCHAR', 'year': 'VARCHAR', 'artist_id': 'VARCHAR', 'artist_name': 'VARCHAR', 'artist_latitude': 'VARCHAR', 'artist_longitude': 'VARCHAR', 'artist_location': 'VARCHAR'},
  maximum_object_size = 4194304)
WHERE CASE
    WHEN NOT regexp_full_match("num_songs", '\s*([+-]?\d+)?\s*') THEN error('staging_songs.num_songs takes whole numbers, not ' || left("num_songs", 60))
    WHEN strlen("song_id") > 32 THEN error('staging_songs.song_id takes 32 bytes, not the ' || strlen("song_id") || ' of ' || left("song_id", 60))
    WHEN strlen("title") > 512 THEN error('staging_songs.title takes 512 bytes, not the ' || strlen("title") || ' of ' || left("title", 60))
    WHEN NOT regexp_full_match("duration", '\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)?\s*') OR isinf(TRY_CAST("duration" AS DOUBLE)) THEN error('staging_songs.duration takes numbers, not ' || left("duration", 60))
    WHEN NOT regexp_full_match("year", '\s*([+-]?\d+)?\s*') THEN error('staging_songs.year takes whole numbers, not ' || left("year", 60))
    WHEN strlen("artist_id") > 32 THEN error('staging_songs.artist_id takes 32 bytes, not the ' || strlen("artist_id") || ' of ' || left("artist_id", 60))
    WHEN strlen("artist_name") > 512 THEN error('staging_songs.artist_name takes 512 bytes, not the ' || strlen("artist_name") || ' of ' || left("artist_name", 60))
    WHEN NOT regexp_full_match("artist_latitude", '\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)?\s*') OR isinf(TRY_CAST("artist_latitude" AS DOUBLE)) THEN error('staging_songs.artist_latitude takes numbers, not ' || left("artist_latitude", 60))
    WHEN NOT regexp_full_match("artist_longitude", '\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)?\s*') OR isinf(TRY_CAST("artist_longitude" AS DOUBLE)) THEN error('staging_songs.artist_longitude takes numbers, not ' || left("artist_longitude", 60))
    WHEN strlen("artist_location") > 512 THEN error('staging_songs.artist_location takes 512 bytes, not the ' || strlen("artist_location") || ' of ' || left("artist_location", 60))
    ELSE true END;

-- 7 of 28: INSERT staging_repeats
INSERT INTO staging_repeats (songplay_id, copies) SELECT CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session AS songplay_id, count(*) AS copies
FROM staging_events
WHERE staging_events.page = 'NextSong' GROUP BY CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session
HAVING count(*) > 1;

-- 8 of 28: INSERT unmatched_songplay
INSERT INTO unmatched_songplay (songplay_id, title, artist_name, duration) SELECT songplay_fact.songplay_id, song_dim.title, song_dim.artist_name, songplay_fact.duration
FROM songplay_fact JOIN song_dim ON song_dim.song_id = songplay_fact.song_id JOIN (SELECT song_dim.song_id AS song_id
FROM song_dim JOIN staging_songs ON staging_songs.song_id = song_dim.song_id UNION SELECT song_dim.song_id AS song_id
FROM song_dim JOIN staging_songs ON staging_songs.title = song_dim.title AND staging_songs.artist_name = song_dim.artist_name) AS touched ON touched.song_id = song_dim.song_id;

-- 9 of 28: UPDATE songplay_fact
UPDATE songplay_fact SET song_id=NULL, artist_id=NULL FROM (SELECT song_dim.song_id AS song_id
FROM song_dim JOIN staging_songs ON staging_songs.song_id = song_dim.song_id UNION SELECT song_dim.song_id AS song_id
FROM song_dim JOIN staging_songs ON staging_songs.title = song_dim.title AND staging_songs.artist_name = song_dim.artist_name) AS touched WHERE songplay_fact.song_id = touched.song_id;

-- 10 of 28: DELETE time_dim
DELETE FROM time_dim WHERE time_dim.start_time IN (SELECT songplay_fact.start_time
FROM songplay_fact LEFT OUTER JOIN (SELECT DISTINCT staging_overrides.songplay_id AS songplay_id
FROM staging_overrides
WHERE staging_overrides.songplay_id IS NOT NULL) AS replaced ON replaced.songplay_id = songplay_fact.songplay_id
WHERE songplay_fact.start_time IN (SELECT songplay_fact.start_time
FROM songplay_fact JOIN (SELECT DISTINCT staging_overrides.songplay_id AS songplay_id
FROM staging_overrides
WHERE staging_overrides.songplay_id IS NOT NULL) AS replaced ON replaced.songplay_id = songplay_fact.songplay_id) GROUP BY songplay_fact.start_time
HAVING count(*) = count(replaced.songplay_id));

-- 11 of 28: DELETE songplay_fact
DELETE FROM songplay_fact WHERE songplay_fact.songplay_id IN (SELECT staging_overrides.songplay_id
FROM staging_overrides
WHERE staging_overrides.songplay_id IS NOT NULL);

-- 12 of 28: DELETE unmatched_songplay
DELETE FROM unmatched_songplay WHERE unmatched_songplay.songplay_id IN (SELECT staging_overrides.songplay_id
FROM staging_overrides
WHERE staging_overrides.songplay_id IS NOT NULL);

-- 13 of 28: DELETE song_dim
DELETE FROM song_dim WHERE song_dim.song_id IN (SELECT staging_overrides.song_id
FROM staging_overrides
WHERE staging_overrides.song_id IS NOT NULL);

-- 14 of 28: DELETE artist_dim
DELETE FROM artist_dim WHERE artist_dim.artist_id IN (SELECT staging_overrides.artist_id
FROM staging_overrides
WHERE staging_overrides.artist_id IS NOT NULL);

-- 15 of 28: DELETE user_dim
DELETE FROM user_dim USING staging_overrides WHERE user_dim.user_id = staging_overrides.user_id AND user_dim.last_seen_at = staging_overrides.seen_at;

-- 16 of 28: DELETE artist_dim
DELETE FROM artist_dim USING (SELECT contest.artist_id AS artist_id
FROM (SELECT rival.artist_id AS artist_id, rival.is_new AS is_new, row_number() OVER (PARTITION BY rival.artist_id ORDER BY CASE WHEN (rival.latitude IS NULL OR rival.longitude IS NULL) THEN 1 ELSE 0 END, CASE WHEN (rival.location IS NULL) THEN 1 ELSE 0 END, rival.name, rival.location, rival.latitude, rival.longitude, rival.is_new) AS place
FROM (SELECT artist_dim.artist_id AS artist_id, artist_dim.name AS name, artist_dim.location AS location, artist_dim.latitude AS latitude, artist_dim.longitude AS longitude, 0 AS is_new
FROM artist_dim
WHERE artist_dim.artist_id IN (SELECT staging_songs.artist_id
FROM staging_songs) UNION ALL SELECT version.artist_id AS artist_id, version.name AS name, version.location AS location, version.latitude AS latitude, version.longitude AS longitude, 1 AS is_new
FROM (SELECT known.artist_id AS artist_id, CASE WHEN (known.artist_name > '!') THEN known.artist_name WHEN (trim(known.artist_name) != '') THEN known.artist_name END AS name, CASE WHEN (known.artist_location > '!') THEN known.artist_location WHEN (trim(known.artist_location) != '') THEN known.artist_location END AS location, known.artist_latitude AS latitude, known.artist_longitude AS longitude
FROM (SELECT staging_songs.num_songs AS num_songs, staging_songs.song_id AS song_id, staging_songs.title AS title, staging_songs.duration AS duration, staging_songs.year AS year, staging_songs.artist_id AS artist_id, staging_songs.artist_name AS artist_name, staging_songs.artist_latitude AS artist_latitude, staging_songs.artist_longitude AS artist_longitude, staging_songs.artist_location AS artist_location
FROM staging_songs
WHERE staging_songs.artist_id IN (SELECT artist_dim.artist_id
FROM artist_dim)) AS known) AS version) AS rival) AS contest
WHERE contest.place = 1 AND contest.is_new = 1) AS better WHERE artist_dim.artist_id = better.artist_id;

-- 17 of 28: INSERT artist_dim
INSERT INTO artist_dim (artist_id, name, location, latitude, longitude) SELECT best.artist_id, best.name, best.location, best.latitude, best.longitude
FROM (SELECT ranked.artist_id AS artist_id, ranked.name AS name, ranked.location AS location, ranked.latitude AS latitude, ranked.longitude AS longitude
FROM (SELECT version.artist_id AS artist_id, version.name AS name, version.location AS location, version.latitude AS latitude, version.longitude AS longitude, row_number() OVER (PARTITION BY version.artist_id ORDER BY CASE WHEN (version.latitude IS NULL OR version.longitude IS NULL) THEN 1 ELSE 0 END, CASE WHEN (version.location IS NULL) THEN 1 ELSE 0 END, version.name, version.location, version.latitude, version.longitude) AS place
FROM (SELECT staging_songs.artist_id AS artist_id, CASE WHEN (staging_songs.artist_name > '!') THEN staging_songs.artist_name WHEN (trim(staging_songs.artist_name) != '') THEN staging_songs.artist_name END AS name, CASE WHEN (staging_songs.artist_location > '!') THEN staging_songs.artist_location WHEN (trim(staging_songs.artist_location) != '') THEN staging_songs.artist_location END AS location, staging_songs.artist_latitude AS latitude, staging_songs.artist_longitude AS longitude
FROM staging_songs) AS version) AS ranked
WHERE ranked.place = 1) AS best LEFT OUTER JOIN artist_dim ON artist_dim.artist_id = best.artist_id
WHERE artist_dim.artist_id IS NULL;

-- 18 of 28: DELETE song_dim
DELETE FROM song_dim USING (SELECT contest.song_id AS song_id
FROM (SELECT rival.song_id AS song_id, rival.is_new AS is_new, row_number() OVER (PARTITION BY rival.song_id ORDER BY CASE WHEN (rival.year IS NULL) THEN 1 ELSE 0 END, rival.title, rival.duration, rival.year, rival.artist_name, rival.artist_id, rival.is_new) AS place
FROM (SELECT song_dim.song_id AS song_id, song_dim.title AS title, song_dim.artist_id AS artist_id, song_dim.year AS year, song_dim.duration AS duration, song_dim.artist_name AS artist_name, 0 AS is_new
FROM song_dim
WHERE song_dim.song_id IN (SELECT staging_songs.song_id
FROM staging_songs) UNION ALL SELECT version.song_id AS song_id, version.title AS title, version.artist_id AS artist_id, version.year AS year, version.duration AS duration, version.artist_name AS artist_name, 1 AS is_new
FROM (SELECT known.song_id AS song_id, CASE WHEN (known.title > '!') THEN known.title WHEN (trim(known.title) != '') THEN known.title END AS title, known.artist_id AS artist_id, nullif(known.year, 0) AS year, known.duration AS duration, CASE WHEN (known.artist_name > '!') THEN known.artist_name WHEN (trim(known.artist_name) != '') THEN known.artist_name END AS artist_name
FROM (SELECT staging_songs.num_songs AS num_songs, staging_songs.song_id AS song_id, staging_songs.title AS title, staging_songs.duration AS duration, staging_songs.year AS year, staging_songs.artist_id AS artist_id, staging_songs.artist_name AS artist_name, staging_songs.artist_latitude AS artist_latitude, staging_songs.artist_longitude AS artist_longitude, staging_songs.artist_location AS artist_location
FROM staging_songs
WHERE staging_songs.song_id IN (SELECT song_dim.song_id
FROM song_dim)) AS known) AS version) AS rival) AS contest
WHERE contest.place = 1 AND contest.is_new = 1) AS better WHERE song_dim.song_id = better.song_id;

-- 19 of 28: INSERT song_dim
INSERT INTO song_dim (song_id, title, artist_id, year, duration, artist_name) SELECT best.song_id, best.title, best.artist_id, best.year, best.duration, best.artist_name
FROM (SELECT ranked.song_id AS song_id, ranked.title AS title, ranked.artist_id AS artist_id, ranked.year AS year, ranked.duration AS duration, ranked.artist_name AS artist_name
FROM (SELECT version.song_id AS song_id, version.title AS title, version.artist_id AS artist_id, version.year AS year, version.duration AS duration, version.artist_name AS artist_name, row_number() OVER (PARTITION BY version.song_id ORDER BY CASE WHEN (version.year IS NULL) THEN 1 ELSE 0 END, version.title, version.duration, version.year, version.artist_name, version.artist_id) AS place
FROM (SELECT staging_songs.song_id AS song_id, CASE WHEN (staging_songs.title > '!') THEN staging_songs.title WHEN (trim(staging_songs.title) != '') THEN staging_songs.title END AS title, staging_songs.artist_id AS artist_id, nullif(staging_songs.year, 0) AS year, staging_songs.duration AS duration, CASE WHEN (staging_songs.artist_name > '!') THEN staging_songs.artist_name WHEN (trim(staging_songs.artist_name) != '') THEN staging_songs.artist_name END AS artist_name
FROM staging_songs) AS version) AS ranked
WHERE ranked.place = 1) AS best LEFT OUTER JOIN song_dim ON song_dim.song_id = best.song_id
WHERE song_dim.song_id IS NULL;

-- 20 of 28: UPDATE songplay_fact
UPDATE songplay_fact SET song_id=matched.song_id, artist_id=matched.artist_id FROM (SELECT waiting.songplay_id AS songplay_id, waiting.duration AS duration, coalesce(sole_song.song_id, nearest.song_id) AS song_id, coalesce(sole_song.artist_id, nearest.artist_id) AS artist_id
FROM (SELECT unmatched_songplay.songplay_id AS songplay_id, unmatched_songplay.title AS title, unmatched_songplay.artist_name AS artist_name, unmatched_songplay.duration AS duration
FROM unmatched_songplay
WHERE EXISTS (SELECT staging_songs.song_id
FROM staging_songs)) AS waiting LEFT OUTER JOIN (SELECT credited.song_id AS song_id, credited.artist_id AS artist_id, credited.title AS title, credited.artist_name AS artist_name, credited.duration AS duration, credited.rivals AS rivals
FROM (SELECT song_dim.song_id AS song_id, song_dim.artist_id AS artist_id, song_dim.title AS title, song_dim.artist_name AS artist_name, song_dim.duration AS duration, count(*) OVER (PARTITION BY song_dim.title, song_dim.artist_name) AS rivals
FROM song_dim) AS credited
WHERE credited.rivals = 1) AS sole_song ON sole_song.title = waiting.title AND sole_song.artist_name = waiting.artist_name LEFT OUTER JOIN (SELECT ranked.songplay_id AS songplay_id, ranked.song_id AS song_id, ranked.artist_id AS artist_id, ranked.place AS place
FROM (SELECT waiting_again.songplay_id AS songplay_id, rival_song.song_id AS song_id, rival_song.artist_id AS artist_id, row_number() OVER (PARTITION BY waiting_again.songplay_id ORDER BY coalesce(abs(rival_song.duration - waiting_again.duration), CAST(1000000000.0 AS DOUBLE PRECISION)), rival_song.song_id) AS place
FROM (SELECT unmatched_songplay.songplay_id AS songplay_id, unmatched_songplay.title AS title, unmatched_songplay.artist_name AS artist_name, unmatched_songplay.duration AS duration
FROM unmatched_songplay
WHERE EXISTS (SELECT staging_songs.song_id
FROM staging_songs)) AS waiting_again JOIN (SELECT credited.song_id AS song_id, credited.artist_id AS artist_id, credited.title AS title, credited.artist_name AS artist_name, credited.duration AS duration, credited.rivals AS rivals
FROM (SELECT song_dim.song_id AS song_id, song_dim.artist_id AS artist_id, song_dim.title AS title, song_dim.artist_name AS artist_name, song_dim.duration AS duration, count(*) OVER (PARTITION BY song_dim.title, song_dim.artist_name) AS rivals
FROM song_dim) AS credited
WHERE credited.rivals > 1) AS rival_song ON rival_song.title = waiting_again.title AND rival_song.artist_name = waiting_again.artist_name) AS ranked
WHERE ranked.place = 1) AS nearest ON nearest.songplay_id = waiting.songplay_id) AS matched WHERE songplay_fact.songplay_id = matched.songplay_id AND matched.song_id IS NOT NULL;

-- 21 of 28: DELETE unmatched_songplay
DELETE FROM unmatched_songplay USING song_dim AS arrived WHERE arrived.title = unmatched_songplay.title AND arrived.artist_name = unmatched_songplay.artist_name AND (EXISTS (SELECT staging_songs.song_id
FROM staging_songs));

-- 22 of 28: DELETE user_dim
DELETE FROM user_dim USING (SELECT contest.user_id AS user_id
FROM (SELECT rival.user_id AS user_id, rival.is_new AS is_new, row_number() OVER (PARTITION BY rival.user_id ORDER BY rival.last_seen_at DESC, coalesce(rival.level, '') DESC, rival.first_name, rival.last_name, rival.gender, rival.level, rival.is_new) AS place
FROM (SELECT user_dim.user_id AS user_id, user_dim.first_name AS first_name, user_dim.last_name AS last_name, user_dim.gender AS gender, user_dim.level AS level, user_dim.last_seen_at AS last_seen_at, 0 AS is_new
FROM user_dim
WHERE user_dim.user_id IN (SELECT staging_events.user_id
FROM staging_events) UNION ALL SELECT version.user_id AS user_id, version.first_name AS first_name, version.last_name AS last_name, version.gender AS gender, version.level AS level, version.last_seen_at AS last_seen_at, 1 AS is_new
FROM (SELECT event.user_id AS user_id, CASE WHEN (event.first_name > '!') THEN event.first_name WHEN (trim(event.first_name) != '') THEN event.first_name END AS first_name, CASE WHEN (event.last_name > '!') THEN event.last_name WHEN (trim(event.last_name) != '') THEN event.last_name END AS last_name, event.gender AS gender, event.level AS level, event.ts AS last_seen_at
FROM (SELECT staging_events.artist AS artist, staging_events.auth AS auth, staging_events.first_name AS first_name, staging_events.gender AS gender, staging_events.item_in_session AS item_in_session, staging_events.last_name AS last_name, staging_events.length AS length, staging_events.level AS level, staging_events.location AS location, staging_events.method AS method, staging_events.page AS page, staging_events.registration AS registration, staging_events.session_id AS session_id, staging_events.song AS song, staging_events.status AS status, staging_events.ts AS ts, staging_events.user_agent AS user_agent, staging_events.user_id AS user_id
FROM staging_events
WHERE staging_events.user_id IN (SELECT user_dim.user_id
FROM user_dim)) AS event JOIN (SELECT known.user_id AS user_id, max(known.ts) AS ts
FROM (SELECT staging_events.artist AS artist, staging_events.auth AS auth, staging_events.first_name AS first_name, staging_events.gender AS gender, staging_events.item_in_session AS item_in_session, staging_events.last_name AS last_name, staging_events.length AS length, staging_events.level AS level, staging_events.location AS location, staging_events.method AS method, staging_events.page AS page, staging_events.registration AS registration, staging_events.session_id AS session_id, staging_events.song AS song, staging_events.status AS status, staging_events.ts AS ts, staging_events.user_agent AS user_agent, staging_events.user_id AS user_id
FROM staging_events
WHERE staging_events.user_id IN (SELECT user_dim.user_id
FROM user_dim)) AS known
WHERE known.user_id IS NOT NULL GROUP BY known.user_id) AS latest ON latest.user_id = event.user_id AND event.ts = latest.ts) AS version) AS rival) AS contest
WHERE contest.place = 1 AND contest.is_new = 1) AS better WHERE user_dim.user_id = better.user_id;

-- 23 of 28: INSERT user_dim
INSERT INTO user_dim (user_id, first_name, last_name, gender, level, last_seen_at) SELECT best.user_id, best.first_name, best.last_name, best.gender, best.level, best.last_seen_at
FROM (SELECT ranked.user_id AS user_id, ranked.first_name AS first_name, ranked.last_name AS last_name, ranked.gender AS gender, ranked.level AS level, ranked.last_seen_at AS last_seen_at
FROM (SELECT version.user_id AS user_id, version.first_name AS first_name, version.last_name AS last_name, version.gender AS gender, version.level AS level, version.last_seen_at AS last_seen_at, row_number() OVER (PARTITION BY version.user_id ORDER BY version.last_seen_at DESC, coalesce(version.level, '') DESC, version.first_name, version.last_name, version.gender, version.level) AS place
FROM (SELECT event.user_id AS user_id, CASE WHEN (event.first_name > '!') THEN event.first_name WHEN (trim(event.first_name) != '') THEN event.first_name END AS first_name, CASE WHEN (event.last_name > '!') THEN event.last_name WHEN (trim(event.last_name) != '') THEN event.last_name END AS last_name, event.gender AS gender, event.level AS level, event.ts AS last_seen_at
FROM staging_events AS event JOIN (SELECT staging_events.user_id AS user_id, max(staging_events.ts) AS ts
FROM staging_events
WHERE staging_events.user_id IS NOT NULL GROUP BY staging_events.user_id) AS latest ON latest.user_id = event.user_id AND event.ts = latest.ts) AS version) AS ranked
WHERE ranked.place = 1) AS best LEFT OUTER JOIN user_dim ON user_dim.user_id = best.user_id
WHERE user_dim.user_id IS NULL;

-- 24 of 28: INSERT time_dim
INSERT INTO time_dim (start_time, hour, day, week, month, year, weekday) SELECT instant.start_time, CAST(EXTRACT(hour FROM instant.start_time) AS SMALLINT) AS hour, CAST(EXTRACT(day FROM instant.start_time) AS SMALLINT) AS day, CAST(FLOOR((EXTRACT(doy FROM CAST(instant.start_time AS DATE) + (3 - CAST(mod(EXTRACT(dow FROM instant.start_time) + 6, 7) AS INTEGER))) - 1) / 7) + 1 AS SMALLINT) AS week, CAST(EXTRACT(month FROM instant.start_time) AS SMALLINT) AS month, CAST(EXTRACT(year FROM instant.start_time) AS SMALLINT) AS year, CAST(EXTRACT(dow FROM instant.start_time) AS SMALLINT) AS weekday
FROM (SELECT DISTINCT staging_events.ts AS start_time
FROM staging_events
WHERE staging_events.page = 'NextSong') AS instant LEFT OUTER JOIN time_dim ON time_dim.start_time = instant.start_time
WHERE time_dim.start_time IS NULL;

-- 25 of 28: INSERT unmatched_songplay
INSERT INTO unmatched_songplay (songplay_id, title, artist_name, duration) SELECT play.songplay_id, play.title, play.artist_name, play.duration
FROM (SELECT copy.songplay_id AS songplay_id, copy.start_time AS start_time, copy.user_id AS user_id, copy.level AS level, copy.session_id AS session_id, copy.item_in_session AS item_in_session, copy.location AS location, copy.user_agent AS user_agent, copy.title AS title, copy.artist_name AS artist_name, copy.duration AS duration
FROM (SELECT CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session AS songplay_id, staging_events.ts AS start_time, staging_events.user_id AS user_id, staging_events.level AS level, staging_events.session_id AS session_id, staging_events.item_in_session AS item_in_session, CASE WHEN (staging_events.location > '!') THEN staging_events.location WHEN (trim(staging_events.location) != '') THEN staging_events.location END AS location, staging_events.user_agent AS user_agent, staging_events.song AS title, staging_events.artist AS artist_name, staging_events.length AS duration, row_number() OVER (PARTITION BY CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session ORDER BY staging_events.ts, staging_events.user_id, staging_events.level, staging_events.song, staging_events.artist, staging_events.length) AS place
FROM staging_events JOIN staging_repeats ON staging_repeats.songplay_id = CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session
WHERE staging_events.page = 'NextSong') AS copy LEFT OUTER JOIN songplay_fact ON songplay_fact.songplay_id = copy.songplay_id
WHERE songplay_fact.songplay_id IS NULL AND copy.place = 1) AS play LEFT OUTER JOIN song_dim ON song_dim.title = play.title AND song_dim.artist_name = play.artist_name
WHERE song_dim.song_id IS NULL;

-- 26 of 28: INSERT unmatched_songplay
INSERT INTO unmatched_songplay (songplay_id, title, artist_name, duration) SELECT play.songplay_id, play.title, play.artist_name, play.duration
FROM (SELECT CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session AS songplay_id, staging_events.ts AS start_time, staging_events.user_id AS user_id, staging_events.level AS level, staging_events.session_id AS session_id, staging_events.item_in_session AS item_in_session, CASE WHEN (staging_events.location > '!') THEN staging_events.location WHEN (trim(staging_events.location) != '') THEN staging_events.location END AS location, staging_events.user_agent AS user_agent, staging_events.song AS title, staging_events.artist AS artist_name, staging_events.length AS duration
FROM staging_events
WHERE staging_events.page = 'NextSong') AS play LEFT OUTER JOIN song_dim ON song_dim.title = play.title AND song_dim.artist_name = play.artist_name LEFT OUTER JOIN staging_repeats ON staging_repeats.songplay_id = play.songplay_id LEFT OUTER JOIN songplay_fact ON songplay_fact.songplay_id = play.songplay_id
WHERE song_dim.song_id IS NULL AND staging_repeats.songplay_id IS NULL AND songplay_fact.songplay_id IS NULL;

-- 27 of 28: INSERT songplay_fact
INSERT INTO songplay_fact (songplay_id, start_time, user_id, level, session_id, item_in_session, location, user_agent, duration, song_id, artist_id) SELECT play.songplay_id, play.start_time, play.user_id, play.level, play.session_id, play.item_in_session, play.location, play.user_agent, play.duration, coalesce(sole_song.song_id, nearest.song_id) AS song_id, coalesce(sole_song.artist_id, nearest.artist_id) AS artist_id
FROM (SELECT copy.songplay_id AS songplay_id, copy.start_time AS start_time, copy.user_id AS user_id, copy.level AS level, copy.session_id AS session_id, copy.item_in_session AS item_in_session, copy.location AS location, copy.user_agent AS user_agent, copy.title AS title, copy.artist_name AS artist_name, copy.duration AS duration
FROM (SELECT CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session AS songplay_id, staging_events.ts AS start_time, staging_events.user_id AS user_id, staging_events.level AS level, staging_events.session_id AS session_id, staging_events.item_in_session AS item_in_session, CASE WHEN (staging_events.location > '!') THEN staging_events.location WHEN (trim(staging_events.location) != '') THEN staging_events.location END AS location, staging_events.user_agent AS user_agent, staging_events.song AS title, staging_events.artist AS artist_name, staging_events.length AS duration, row_number() OVER (PARTITION BY CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session ORDER BY staging_events.ts, staging_events.user_id, staging_events.level, staging_events.song, staging_events.artist, staging_events.length) AS place
FROM staging_events JOIN staging_repeats ON staging_repeats.songplay_id = CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session
WHERE staging_events.page = 'NextSong') AS copy LEFT OUTER JOIN songplay_fact ON songplay_fact.songplay_id = copy.songplay_id
WHERE songplay_fact.songplay_id IS NULL AND copy.place = 1) AS play LEFT OUTER JOIN (SELECT credited.song_id AS song_id, credited.artist_id AS artist_id, credited.title AS title, credited.artist_name AS artist_name, credited.duration AS duration, credited.rivals AS rivals
FROM (SELECT song_dim.song_id AS song_id, song_dim.artist_id AS artist_id, song_dim.title AS title, song_dim.artist_name AS artist_name, song_dim.duration AS duration, count(*) OVER (PARTITION BY song_dim.title, song_dim.artist_name) AS rivals
FROM song_dim) AS credited
WHERE credited.rivals = 1) AS sole_song ON sole_song.title = play.title AND sole_song.artist_name = play.artist_name LEFT OUTER JOIN (SELECT ranked.songplay_id AS songplay_id, ranked.song_id AS song_id, ranked.artist_id AS artist_id, ranked.place AS place
FROM (SELECT play_again.songplay_id AS songplay_id, rival_song.song_id AS song_id, rival_song.artist_id AS artist_id, row_number() OVER (PARTITION BY play_again.songplay_id ORDER BY coalesce(abs(rival_song.duration - play_again.duration), CAST(1000000000.0 AS DOUBLE PRECISION)), rival_song.song_id) AS place
FROM (SELECT copy.songplay_id AS songplay_id, copy.start_time AS start_time, copy.user_id AS user_id, copy.level AS level, copy.session_id AS session_id, copy.item_in_session AS item_in_session, copy.location AS location, copy.user_agent AS user_agent, copy.title AS title, copy.artist_name AS artist_name, copy.duration AS duration
FROM (SELECT CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session AS songplay_id, staging_events.ts AS start_time, staging_events.user_id AS user_id, staging_events.level AS level, staging_events.session_id AS session_id, staging_events.item_in_session AS item_in_session, CASE WHEN (staging_events.location > '!') THEN staging_events.location WHEN (trim(staging_events.location) != '') THEN staging_events.location END AS location, staging_events.user_agent AS user_agent, staging_events.song AS title, staging_events.artist AS artist_name, staging_events.length AS duration, row_number() OVER (PARTITION BY CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session ORDER BY staging_events.ts, staging_events.user_id, staging_events.level, staging_events.song, staging_events.artist, staging_events.length) AS place
FROM staging_events JOIN staging_repeats ON staging_repeats.songplay_id = CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session
WHERE staging_events.page = 'NextSong') AS copy LEFT OUTER JOIN songplay_fact ON songplay_fact.songplay_id = copy.songplay_id
WHERE songplay_fact.songplay_id IS NULL AND copy.place = 1) AS play_again JOIN (SELECT credited.song_id AS song_id, credited.artist_id AS artist_id, credited.title AS title, credited.artist_name AS artist_name, credited.duration AS duration, credited.rivals AS rivals
FROM (SELECT song_dim.song_id AS song_id, song_dim.artist_id AS artist_id, song_dim.title AS title, song_dim.artist_name AS artist_name, song_dim.duration AS duration, count(*) OVER (PARTITION BY song_dim.title, song_dim.artist_name) AS rivals
FROM song_dim) AS credited
WHERE credited.rivals > 1) AS rival_song ON rival_song.title = play_again.title AND rival_song.artist_name = play_again.artist_name) AS ranked
WHERE ranked.place = 1) AS nearest ON nearest.songplay_id = play.songplay_id;

-- 28 of 28: INSERT songplay_fact
INSERT INTO songplay_fact (songplay_id, start_time, user_id, level, session_id, item_in_session, location, user_agent, duration, song_id, artist_id) SELECT play.songplay_id, play.start_time, play.user_id, play.level, play.session_id, play.item_in_session, play.location, play.user_agent, play.duration, coalesce(sole_song.song_id, nearest.song_id) AS song_id, coalesce(sole_song.artist_id, nearest.artist_id) AS artist_id
FROM (SELECT staged.songplay_id AS songplay_id, staged.start_time AS start_time, staged.user_id AS user_id, staged.level AS level, staged.session_id AS session_id, staged.item_in_session AS item_in_session, staged.location AS location, staged.user_agent AS user_agent, staged.title AS title, staged.artist_name AS artist_name, staged.duration AS duration
FROM (SELECT CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session AS songplay_id, staging_events.ts AS start_time, staging_events.user_id AS user_id, staging_events.level AS level, staging_events.session_id AS session_id, staging_events.item_in_session AS item_in_session, CASE WHEN (staging_events.location > '!') THEN staging_events.location WHEN (trim(staging_events.location) != '') THEN staging_events.location END AS location, staging_events.user_agent AS user_agent, staging_events.song AS title, staging_events.artist AS artist_name, staging_events.length AS duration
FROM staging_events
WHERE staging_events.page = 'NextSong') AS staged LEFT OUTER JOIN staging_repeats ON staging_repeats.songplay_id = staged.songplay_id LEFT OUTER JOIN songplay_fact ON songplay_fact.songplay_id = staged.songplay_id
WHERE staging_repeats.songplay_id IS NULL AND songplay_fact.songplay_id IS NULL) AS play LEFT OUTER JOIN (SELECT credited.song_id AS song_id, credited.artist_id AS artist_id, credited.title AS title, credited.artist_name AS artist_name, credited.duration AS duration, credited.rivals AS rivals
FROM (SELECT song_dim.song_id AS song_id, song_dim.artist_id AS artist_id, song_dim.title AS title, song_dim.artist_name AS artist_name, song_dim.duration AS duration, count(*) OVER (PARTITION BY song_dim.title, song_dim.artist_name) AS rivals
FROM song_dim) AS credited
WHERE credited.rivals = 1) AS sole_song ON sole_song.title = play.title AND sole_song.artist_name = play.artist_name LEFT OUTER JOIN (SELECT ranked.songplay_id AS songplay_id, ranked.song_id AS song_id, ranked.artist_id AS artist_id, ranked.place AS place
FROM (SELECT play_again.songplay_id AS songplay_id, rival_song.song_id AS song_id, rival_song.artist_id AS artist_id, row_number() OVER (PARTITION BY play_again.songplay_id ORDER BY coalesce(abs(rival_song.duration - play_again.duration), CAST(1000000000.0 AS DOUBLE PRECISION)), rival_song.song_id) AS place
FROM (SELECT CAST(staging_events.session_id AS BIGINT) * 1000000 + staging_events.item_in_session AS songplay_id, staging_events.ts AS start_time, staging_events.user_id AS user_id, staging_events.level AS level, staging_events.session_id AS session_id, staging_events.item_in_session AS item_in_session, CASE WHEN (staging_events.location > '!') THEN staging_events.location WHEN (trim(staging_events.location) != '') THEN staging_events.location END AS location, staging_events.user_agent AS user_agent, staging_events.song AS title, staging_events.artist AS artist_name, staging_events.length AS duration
FROM staging_events
WHERE staging_events.page = 'NextSong') AS play_again JOIN (SELECT credited.song_id AS song_id, credited.artist_id AS artist_id, credited.title AS title, credited.artist_name AS artist_name, credited.duration AS duration, credited.rivals AS rivals
FROM (SELECT song_dim.song_id AS song_id, song_dim.artist_id AS artist_id, song_dim.title AS title, song_dim.artist_name AS artist_name, song_dim.duration AS duration, count(*) OVER (PARTITION BY song_dim.title, song_dim.artist_name) AS rivals
FROM song_dim) AS credited
WHERE credited.rivals > 1) AS rival_song ON rival_song.title = play_again.title AND rival_song.artist_name = play_again.artist_name) AS ranked
WHERE ranked.place = 1) AS nearest ON nearest.songplay_id = play.songplay_id;
