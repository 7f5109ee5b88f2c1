package altertable;

import static altertable.Rows.query;
import static altertable.Rows.texts;
import static altertable.Rows.update;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** DatabaseMetaData: what a tool asks when somebody opens a connection and browses it. */
class MetadataTest {
  static MockServer server;
  static Connection connection;
  static DatabaseMetaData metadata;

  @BeforeAll
  static void start() throws Exception {
    server = new MockServer("--allow-any-user", "--catalog", "lake");
    connection = server.connectAsNewUser();
    metadata = connection.getMetaData();
    update(connection, "CREATE SCHEMA shop");
    update(connection, "CREATE TABLE shop.item (id INTEGER, part INTEGER, label VARCHAR NOT NULL, price DECIMAL(10, 2), PRIMARY KEY (id, part))");
    update(connection, "CREATE TABLE shop.sale (item INTEGER, part INTEGER, sold TIMESTAMP, FOREIGN KEY (item, part) REFERENCES shop.item (id, part))");
    update(connection, "CREATE VIEW shop.cheap AS SELECT * FROM shop.item WHERE price < 1");
    update(connection, "CREATE TABLE lake.main.far (i INTEGER)");
  }

  @AfterAll
  static void stop() throws SQLException {
    connection.close();
    assertTrue(server.alive(), "the server ended during the tests");
    server.close();
  }

  @Test
  void theServerNamesItself() throws SQLException {
    assertEquals("Altertable Flight SQL Server", metadata.getDatabaseProductName());
    assertTrue(metadata.getDatabaseProductVersion().matches("\\d+\\.\\d+.*"), metadata.getDatabaseProductVersion());
    assertEquals("\"", metadata.getIdentifierQuoteString());
    assertTrue(metadata.getSQLKeywords().toLowerCase().contains("select"));
    assertTrue(metadata.getNumericFunctions().contains("abs"));
    assertTrue(metadata.supportsTransactions());
    assertEquals("schema", metadata.getSchemaTerm());
    assertEquals("catalog", metadata.getCatalogTerm());
  }

  @Test
  void everyFactHasTheTypeThatTheDriverReads() throws Exception {
    List<String> failed = new ArrayList<>();
    for (Method method : DatabaseMetaData.class.getMethods()) {
      boolean isFact = method.getParameterCount() == 0 && (method.getReturnType().isPrimitive() || method.getReturnType() == String.class);
      try {
        if (isFact) {
          method.invoke(metadata);
        }
      } catch (InvocationTargetException e) {
        failed.add(method.getName() + ": " + e.getCause());
      }
    }
    assertEquals(List.of(), failed);
    assertEquals(Connection.TRANSACTION_REPEATABLE_READ, metadata.getDefaultTransactionIsolation());
    assertTrue(metadata.supportsTransactionIsolationLevel(metadata.getDefaultTransactionIsolation()));
  }

  @Test
  void catalogsAndSchemasAreListed() throws SQLException {
    assertEquals(List.of("lake", "memory", "product_analytics"), texts(metadata.getCatalogs(), "TABLE_CAT"));
    assertEquals(List.of("memory|shop"), texts(metadata.getSchemas("memory", "sh%"), "TABLE_CATALOG", "TABLE_SCHEM"));
    assertTrue(texts(metadata.getSchemas(), "TABLE_CATALOG", "TABLE_SCHEM").contains("lake|main"));
  }

  @Test
  void tableTypesAreListed() throws SQLException {
    assertEquals(List.of("BASE TABLE", "LOCAL TEMPORARY", "VIEW"), texts(metadata.getTableTypes(), "TABLE_TYPE"));
  }

  @Test
  void tablesAreListedByPatternAndType() throws SQLException {
    assertEquals(
        List.of("memory|shop|cheap|VIEW", "memory|shop|item|BASE TABLE", "memory|shop|sale|BASE TABLE"),
        texts(metadata.getTables("memory", "shop", "%", null), "TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE"));
    assertEquals(List.of("cheap"), texts(metadata.getTables(null, "shop", null, new String[] {"VIEW"}), "TABLE_NAME"));
    assertEquals(List.of("item", "sale"), texts(metadata.getTables(null, "shop", null, new String[] {"TABLE"}), "TABLE_NAME"));
    assertEquals(List.of("item"), texts(metadata.getTables(null, null, "ite_", null), "TABLE_NAME"));
    assertEquals(List.of("lake|far"), texts(metadata.getTables("lake", null, "%", null), "TABLE_CAT", "TABLE_NAME"));
  }

  @Test
  void columnsAreListedWithTheirTypes() throws SQLException {
    var columns = metadata.getColumns("memory", "shop", "item", "%");
    assertEquals(
        List.of("1|id|INTEGER|NO", "2|part|INTEGER|NO", "3|label|VARCHAR|NO", "4|price|DECIMAL(10,2)|YES"),
        texts(columns, "ORDINAL_POSITION", "COLUMN_NAME", "TYPE_NAME", "IS_NULLABLE"));
    assertEquals(
        List.of("3|10|2"),
        texts(metadata.getColumns("memory", "shop", "item", "price"), "DATA_TYPE", "COLUMN_SIZE", "DECIMAL_DIGITS"));
    assertEquals(
        List.of("cheap|id", "item|id"),
        texts(metadata.getColumns(null, "shop", "%", "id"), "TABLE_NAME", "COLUMN_NAME"));
  }

  @Test
  void keysAreListed() throws SQLException {
    assertEquals(
        List.of("memory|shop|item|id|1", "memory|shop|item|part|2"),
        texts(metadata.getPrimaryKeys("memory", "shop", "item"), "TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ"));
    var pairs = List.of("item|id|sale|item|1|3|3", "item|part|sale|part|2|3|3");
    String[] names = {"PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_NAME", "FKCOLUMN_NAME", "KEY_SEQ", "UPDATE_RULE", "DELETE_RULE"};
    assertEquals(pairs, texts(metadata.getImportedKeys("memory", "shop", "sale"), names));
    assertEquals(pairs, texts(metadata.getExportedKeys("memory", "shop", "item"), names));
    assertEquals(pairs, texts(metadata.getCrossReference("memory", "shop", "item", "memory", "shop", "sale"), names));
    assertEquals(List.of(), texts(metadata.getPrimaryKeys("memory", "shop", "sale"), "COLUMN_NAME"));
  }

  @Test
  void aToolMayAskForTypesAndIndexes() throws SQLException {
    // The driver answers these by itself, with nothing, and must not end the session by asking.
    assertEquals(List.of(), texts(metadata.getTypeInfo(), "TYPE_NAME"));
    assertEquals(List.of(), texts(metadata.getIndexInfo(null, "shop", "item", false, true), "INDEX_NAME"));
    assertEquals(List.of(), texts(metadata.getProcedures(null, null, "%"), "PROCEDURE_NAME"));
  }

  @Test
  void resultColumnsSayTheirTypes() throws SQLException {
    try (var statement = connection.createStatement();
        var results = statement.executeQuery("SELECT id, label, price FROM shop.item")) {
      var described = results.getMetaData();
      assertEquals("label", described.getColumnLabel(2));
      assertEquals("VARCHAR", described.getColumnTypeName(2));
      assertEquals("DECIMAL", described.getColumnTypeName(3));
      assertEquals(10, described.getPrecision(3));
      assertEquals(2, described.getScale(3));
    }
  }

  @Test
  void temporaryTablesShowInTheirSessionOnly() throws SQLException {
    update(connection, "CREATE TEMP TABLE passing AS SELECT 1 AS i");
    assertEquals(List.of("LOCAL TEMPORARY"), texts(metadata.getTables(null, null, "passing", null), "TABLE_TYPE"));
    update(connection, "DROP TABLE passing");
    assertEquals(List.of(), texts(metadata.getTables(null, null, "passing", null), "TABLE_TYPE"));
    assertEquals(List.of(List.of(1)), query(connection, "SELECT 1"));
  }
}
