"""What songs, artists, listeners and their devices are called.

Short lists of our own: common words and given names, names of real places with their
rough coordinates, metropolitan areas in order of size, and the user agents that browsers of 2014
sent. Nothing here is copied from a data set.
"""

# fmt: off
ADJECTIVES = (
    "Amber", "Ancient", "Blue", "Borrowed", "Broken", "Bright", "Burning", "Careless", "Crooked",
    "Distant", "Electric", "Empty", "Endless", "Faded", "Fearless", "Foreign", "Forgotten",
    "Gentle", "Golden", "Hidden", "Hollow", "Honest", "Hungry", "Iron", "Lazy", "Little", "Lonely",
    "Lost", "Lucky", "Midnight", "Modern", "Naïve", "Northern", "Paper", "Plastic", "Quiet",
    "Restless", "Rusty", "Sacred", "Secret", "Silent", "Silver", "Simple", "Slow", "Southern",
    "Stolen", "Strange", "Summer", "Sweet", "Tender", "Uneasy", "Velvet", "Violet", "Wandering",
    "Wasted", "Wicked", "Wild", "Winter", "Wooden", "Yellow",
)
NOUNS = (
    "Anchor", "Avenue", "Balloon", "Bird", "Bridge", "Café", "Candle", "Canyon", "Castle", "Circus",
    "Cloud", "Coast", "Compass", "Corner", "Dance", "Desert", "Diamond", "Dream", "Echo", "Engine",
    "Falcon", "Feather", "Fever", "Field", "Fire", "Flower", "Fountain", "Fox", "Garden", "Ghost",
    "Harbour", "Heart", "Highway", "Horizon", "House", "Island", "Jungle", "Kingdom", "Ladder",
    "Lantern", "Letter", "Lion", "Machine", "Mirror", "Moon", "Mountain", "Ocean", "Orchard",
    "Parade", "Pilot", "Piñata", "Planet", "Promise", "Rain", "River", "Road", "Sailor", "Season",
    "Shadow", "Signal", "Sister", "Sky", "Soldier", "Station", "Stone", "Storm", "Stranger",
    "Street", "Summit", "Sunday", "Telephone", "Thunder", "Tiger", "Tower", "Train", "Valley",
    "Voice", "Wave", "Window", "Wolf",
)
ENDINGS = (
    "in the Rain", "of the North", "by the Sea", "on Fire", "at Dawn", "Tonight", "Again",
    "Without You", "for Éloïse", "Down the Line", "(Live)", "(Acoustic)", "Part II", "After All",
    "on My Mind", "Don't Wait", 'the "Real" Thing', "from Here", "and Me", "No More",
)
ENSEMBLES = ("Orchestra", "Quartet", "Trio", "Project", "Collective", "Choir", "Ensemble", "Band")
NUMBERS = ("3", "11", "24", "77", "101", "220", "303", "404", "512", "606", "808", "1066", "1492")

WOMEN = (
    "Abigail", "Ada", "Alice", "Amelia", "Anna", "Aria", "Ava", "Beatriz", "Bella", "Carla",
    "Chiara", "Chloe", "Clara", "Daniela", "Elena", "Ella", "Emma", "Esther", "Eva", "Fatima",
    "Flora", "Freya", "Grace", "Hana", "Hannah", "Ines", "Ingrid", "Iris", "Isabel", "Jane",
    "Julia", "Kira", "Laura", "Layla", "Lena", "Lily", "Lucia", "Maja", "Margaret", "Maria",
    "Maya", "Mia", "Naomi", "Nina", "Nora", "Olivia", "Paula", "Priya", "Rosa", "Ruth", "Sara",
    "Sofia", "Stella", "Thea", "Uma", "Vera", "Victoria", "Wanda", "Yara", "Zoë",
)
MEN = (
    "Aaron", "Adam", "Ahmed", "Alan", "Albert", "Andre", "Anton", "Arthur", "Ben", "Boris",
    "Bruno", "Carlos", "Colin", "Daniel", "David", "Diego", "Edgar", "Elias", "Emil", "Eric",
    "Felix", "Finn", "Frank", "George", "Gustav", "Hamza", "Henry", "Hugo", "Ian", "Isaac",
    "Ivan", "Jack", "Jacob", "Jamal", "Jan", "Joel", "John", "José", "Karl", "Kenji", "Leo",
    "Liam", "Louis", "Lucas", "Marco", "Max", "Miles", "Nico", "Noah", "Omar", "Oscar", "Otto",
    "Paul", "Peter", "Rafael", "Ravi", "Samuel", "Theo", "Victor", "William",
)
SURNAMES = (
    "Adams", "Ahmed", "Alvarez", "Andersson", "Baker", "Barnes", "Becker", "Bell", "Bennett",
    "Brooks", "Carter", "Chen", "Clark", "Cohen", "Cole", "Cruz", "Davies", "Diaz", "Dubois",
    "Edwards", "Evans", "Fischer", "Fisher", "Flores", "Foster", "Garcia", "Gomez", "Gray",
    "Green", "Gupta", "Hall", "Hansen", "Harris", "Hill", "Hughes", "Ito", "Jackson", "James",
    "Jensen", "Jones", "Kaya", "Kelly", "Khan", "Kim", "King", "Kovacs", "Larsen", "Lee", "Lewis",
    "Li", "Lopez", "Martin", "Meyer", "Miller", "Moore", "Morgan", "Murphy", "Nguyen", "Novak",
    "Núñez", "O'Brien", "Okafor", "Olsen", "Ortiz", "Owens", "Park", "Patel", "Perez", "Powell",
    "Price", "Quinn", "Ramos", "Reed", "Reyes", "Rivera", "Roberts", "Rossi", "Russo", "Sato",
    "Schmidt", "Scott", "Silva", "Singh", "Smith", "Stewart", "Suzuki", "Tanaka", "Taylor",
    "Thomas", "Torres", "Tran", "Turner", "Wagner", "Walker", "Ward", "Watson", "Weber", "White",
    "Wilson", "Wood", "Wright", "Yilmaz", "Young", "Zhang",
)

# Places that artists come from: name, latitude, longitude.
HOMES = (
    ("London, England", 51.50632, -0.12714), ("New York, NY", 40.71455, -74.00712),
    ("Los Angeles, CA", 34.05349, -118.24532), ("Chicago, IL", 41.88415, -87.63241),
    ("Detroit, MI", 42.33168, -83.04792), ("Nashville, TN", 36.16784, -86.77816),
    ("Seattle, WA", 47.60356, -122.32944), ("Austin, TX", 30.26759, -97.74299),
    ("Atlanta, GA", 33.74831, -84.39111), ("New Orleans, LA", 29.95369, -90.07771),
    ("Memphis, TN", 35.14968, -90.04892), ("Philadelphia, PA", 39.95227, -75.16237),
    ("Boston, MA", 42.35866, -71.05674), ("Portland, OR", 45.51179, -122.67563),
    ("Minneapolis, MN", 44.97903, -93.26493), ("Toronto, Ontario", 43.64856, -79.38533),
    ("Montréal, Québec", 45.50884, -73.58781), ("Vancouver, BC", 49.26044, -123.11403),
    ("Manchester, England", 53.47949, -2.24513), ("Liverpool, England", 53.41078, -2.97784),
    ("Glasgow, Scotland", 55.86515, -4.25763), ("Dublin, Ireland", 53.34376, -6.24953),
    ("Paris, France", 48.85692, 2.34121), ("Berlin, Germany", 52.51607, 13.37698),
    ("Hamburg, Germany", 53.55334, 9.99245), ("Köln, Germany", 50.94165, 6.95505),
    ("Stockholm, Sweden", 59.33217, 18.06243), ("Malmö, Sweden", 55.60587, 13.00073),
    ("Oslo, Norway", 59.91228, 10.74998), ("København, Denmark", 55.67631, 12.56935),
    ("Reykjavík, Iceland", 64.13548, -21.89541), ("Helsinki, Finland", 60.17116, 24.93266),
    ("Amsterdam, Netherlands", 52.37312, 4.89319), ("Wien, Austria", 48.20254, 16.36880),
    ("Madrid, Spain", 40.42028, -3.70577), ("Lisboa, Portugal", 38.72572, -9.15025),
    ("Roma, Italy", 41.90311, 12.49576), ("Athens, Greece", 37.97615, 23.73640),
    ("Istanbul, Turkey", 41.01237, 28.97600), ("Lagos, Nigeria", 6.45506, 3.39418),
    ("Dakar, Senegal", 14.68104, -17.44679), ("Johannesburg, South Africa", -26.20499, 28.04004),
    ("Kingston, Jamaica", 17.96829, -76.78271), ("La Habana, Cuba", 23.13067, -82.35345),
    ("México, D.F.", 19.43195, -99.13315), ("Bogotá, Colombia", 4.65637, -74.11779),
    ("São Paulo, Brazil", -23.56287, -46.65468), ("Buenos Aires, Argentina", -34.60852, -58.37354),
    ("Santiago, Chile", -33.46912, -70.64200), ("Tokyo, Japan", 35.67048, 139.74092),
    ("Mumbai, India", 18.97632, 72.82566), ("Melbourne, Australia", -37.81739, 144.96751),
    ("Sydney, Australia", -33.86963, 151.20695), ("Auckland, New Zealand", -36.88413, 174.77042),
    ("California", 37.27188, -119.27023), ("Texas", 31.16893, -100.07715),
    ("Jamaica", 18.10880, -77.29794), ("England", 52.88356, -1.97406),
)

# Metropolitan areas of the United States, the most populous first.
METROPOLITAN_AREAS = (
    "New York-Newark-Jersey City, NY-NJ-PA", "Los Angeles-Long Beach-Anaheim, CA",
    "Chicago-Naperville-Elgin, IL-IN-WI", "Dallas-Fort Worth-Arlington, TX",
    "Philadelphia-Camden-Wilmington, PA-NJ-DE-MD", "Houston-The Woodlands-Sugar Land, TX",
    "Washington-Arlington-Alexandria, DC-VA-MD-WV", "Miami-Fort Lauderdale-West Palm Beach, FL",
    "Atlanta-Sandy Springs-Roswell, GA", "Boston-Cambridge-Newton, MA-NH",
    "San Francisco-Oakland-Hayward, CA", "Detroit-Warren-Dearborn, MI",
    "Riverside-San Bernardino-Ontario, CA", "Phoenix-Mesa-Scottsdale, AZ",
    "Seattle-Tacoma-Bellevue, WA", "Minneapolis-St. Paul-Bloomington, MN-WI",
    "San Diego-Carlsbad, CA", "St. Louis, MO-IL", "Tampa-St. Petersburg-Clearwater, FL",
    "Baltimore-Columbia-Towson, MD", "Denver-Aurora-Lakewood, CO", "Pittsburgh, PA",
    "Portland-Vancouver-Hillsboro, OR-WA", "Charlotte-Concord-Gastonia, NC-SC",
    "San Antonio-New Braunfels, TX", "Orlando-Kissimmee-Sanford, FL", "Cincinnati, OH-KY-IN",
    "Cleveland-Elyria, OH", "Kansas City, MO-KS", "Las Vegas-Henderson-Paradise, NV",
    "Columbus, OH", "San Jose-Sunnyvale-Santa Clara, CA", "Austin-Round Rock, TX",
    "Nashville-Davidson--Murfreesboro--Franklin, TN", "Milwaukee-Waukesha-West Allis, WI",
    "Jacksonville, FL", "Memphis, TN-MS-AR", "Oklahoma City, OK", "Richmond, VA",
    "New Orleans-Metairie, LA", "Raleigh, NC", "Salt Lake City, UT", "Tucson, AZ", "Honolulu, HI",
    "Tulsa, OK", "Fresno, CA", "Albuquerque, NM", "Boise City, ID", "Portland-South Portland, ME",
    "Lansing-East Lansing, MI", "Eugene, OR", "Santa Fe, NM", "Bangor, ME", "Juneau, AK",
)

# What browsers call themselves. The one with a comma arrives in quotes, as in the mission's logs.
_WINDOWS = "Mozilla/5.0 (Windows NT 6.1; WOW64)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_4)"
_KHTML = "(KHTML, like Gecko)"
USER_AGENTS = (
    f'"{_WINDOWS} AppleWebKit/537.36 {_KHTML} Chrome/36.0.1985.125 Safari/537.36"',
    f'"{_MAC} AppleWebKit/537.36 {_KHTML} Chrome/36.0.1985.125 Safari/537.36"',
    f'"{_MAC} AppleWebKit/537.77.4 {_KHTML} Version/7.0.5 Safari/537.77.4"',
    "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:31.0) Gecko/20100101 Firefox/31.0",
    f'"{_WINDOWS} AppleWebKit/537.36 {_KHTML} Chrome/35.0.1916.153 Safari/537.36"',
    "Mozilla/5.0 (Windows NT 6.3; WOW64; rv:31.0) Gecko/20100101 Firefox/31.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.9; rv:31.0) Gecko/20100101 Firefox/31.0",
    '"Mozilla/5.0 (iPhone; CPU iPhone OS 7_1_2 like Mac OS X) AppleWebKit/537.51.2 '
    f'{_KHTML} Version/7.0 Mobile/11D257 Safari/9537.53"',
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
    f'"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 {_KHTML} Chrome/36.0.1985.125 '
    'Safari/537.36"',
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:31.0) Gecko/20100101 Firefox/31.0",
    '"Mozilla/5.0 (iPad; CPU OS 7_1_2 like Mac OS X) AppleWebKit/537.51.2 '
    f'{_KHTML} Version/7.0 Mobile/11D257 Safari/9537.53"',
    "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.1; WOW64; Trident/6.0)",
)
# fmt: on
