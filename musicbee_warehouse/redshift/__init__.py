"""What only Redshift needs; nothing here imports a driver before it is used."""
