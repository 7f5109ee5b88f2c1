package altertable;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Everything that DatabaseMetaData can be asked. */
class MetadataTest {
    private static Connection connection;
    private static DatabaseMetaData about;

    @BeforeAll
    static void makeTheSchema() throws SQLException {
        connection = Database.connect();
        Database.execute(
                connection,
                "CREATE SCHEMA shop",
                "CREATE TYPE shop.mood AS ENUM ('sad', 'ok')",
                "CREATE TABLE shop.places (x int, y int, name varchar NOT NULL, PRIMARY KEY (x, y))",
                "CREATE TABLE shop.people (id bigint PRIMARY KEY, px int, py int, feels shop.mood, paid numeric(12,2) DEFAULT 1,"
                        + " tags varchar[], born date, seen timestamptz, FOREIGN KEY (px, py) REFERENCES shop.places (x, y))",
                "CREATE INDEX by_place ON shop.people (py, px)",
                "CREATE VIEW shop.paid AS SELECT id, paid FROM shop.people",
                "COMMENT ON TABLE shop.people IS 'everybody'",
                "COMMENT ON COLUMN shop.people.paid IS 'a month'");
        about = connection.getMetaData();
    }

    @AfterAll
    static void close() throws SQLException {
        connection.close();
    }

    /** Some columns of a listing. */
    private static List<List<Object>> columns(ResultSet result, String... names) throws SQLException {
        List<List<Object>> rows = new ArrayList<>();
        try (result) {
            while (result.next()) {
                List<Object> row = new ArrayList<>();
                for (String name : names) {
                    row.add(result.getObject(name));
                }
                rows.add(row);
            }
        }
        return rows;
    }

    private static String shown(List<List<Object>> rows) {
        return String.join("\n", rows.stream().map(Object::toString).toList());
    }

    /** Whatever takes no argument answers, and so does whatever lists by patterns. */
    @Test
    void everyMethodAnswers() throws Exception {
        List<Method> methods = new ArrayList<>(Arrays.asList(DatabaseMetaData.class.getDeclaredMethods()));
        methods.sort(Comparator.comparing(Method::getName));
        List<String> faults = new ArrayList<>();
        int answered = 0;
        for (Method method : methods) {
            Object[] given = Arrays.stream(method.getParameterTypes()).map(MetadataTest::argument).toArray();
            try {
                Object answer = method.invoke(about, given);
                if (answer instanceof ResultSet result) {
                    Database.rows(result);
                    result.close();
                }
                answered++;
            } catch (InvocationTargetException fault) {
                String message = String.valueOf(fault.getCause().getMessage());
                if (!message.contains("is not yet implemented")) {
                    faults.add(method.getName() + ": " + message);
                }
            }
        }
        assertEquals(List.of(), faults);
        assertTrue(answered > 170, "only " + answered);
    }

    private static Object argument(Class<?> type) {
        if (type == int.class) {
            return 1;
        }
        if (type == boolean.class) {
            return false;
        }
        return type == String.class ? "%" : null;
    }

    @Test
    void tablesAreListed() throws SQLException {
        assertEquals(
                "[shop, paid, VIEW, null]\n[shop, people, TABLE, everybody]\n[shop, places, TABLE, null]",
                shown(columns(about.getTables(null, "shop", "%", new String[] {"TABLE", "VIEW"}), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS")
                        .stream()
                        .sorted(Comparator.comparing(Object::toString))
                        .toList()));
        assertTrue(columns(about.getSchemas(), "TABLE_SCHEM").contains(List.<Object>of("shop")));
        assertTrue(columns(about.getCatalogs(), "TABLE_CAT").contains(List.<Object>of(connection.getCatalog())));
        assertTrue(columns(about.getTableTypes(), "TABLE_TYPE").contains(List.<Object>of("VIEW")));
    }

    @Test
    void columnsAreListed() throws SQLException {
        assertEquals(
                """
                [id, int8, -5, 0, 1, NO, null, null]
                [px, int4, 4, 0, 2, YES, null, null]
                [py, int4, 4, 0, 3, YES, null, null]
                [feels, "shop"."mood", 12, 0, 4, YES, null, null]
                [paid, numeric, 2, 2, 5, YES, 1, a month]
                [tags, _varchar, 2003, 0, 6, YES, null, null]
                [born, date, 91, 0, 7, YES, null, null]
                [seen, timestamptz, 93, 6, 8, YES, null, null]""",
                shown(columns(
                                about.getColumns(null, "shop", "people", "%"),
                                "COLUMN_NAME", "TYPE_NAME", "DATA_TYPE", "DECIMAL_DIGITS", "ORDINAL_POSITION", "IS_NULLABLE", "COLUMN_DEF", "REMARKS"))
                        .replace("'1'", "1"));
    }

    @Test
    void keysAreListed() throws SQLException {
        assertEquals("[x, 1]\n[y, 2]", shown(columns(about.getPrimaryKeys(null, "shop", "places"), "COLUMN_NAME", "KEY_SEQ")));
        String key = "[places, x, people, px, 1, 3]\n[places, y, people, py, 2, 3]";
        String[] names = {"PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_NAME", "FKCOLUMN_NAME", "KEY_SEQ", "UPDATE_RULE"};
        assertEquals(key, shown(columns(about.getImportedKeys(null, "shop", "people"), names)));
        assertEquals(key, shown(columns(about.getExportedKeys(null, "shop", "places"), names)));
        assertEquals(key, shown(columns(about.getCrossReference(null, "shop", "places", null, "shop", "people"), names)));
        assertEquals("[id]", shown(columns(about.getBestRowIdentifier(null, "shop", "people", 1, true), "COLUMN_NAME")));
    }

    @Test
    void indexesAreListed() throws SQLException {
        assertEquals(
                "[false, 1, id]\n[true, 1, py]\n[true, 2, px]",
                shown(columns(
                        about.getIndexInfo(null, "shop", "people", false, true),
                        "NON_UNIQUE", "ORDINAL_POSITION", "COLUMN_NAME")));
    }

    @Test
    void typesAreListed() throws SQLException {
        List<List<Object>> types = columns(about.getTypeInfo(), "TYPE_NAME", "DATA_TYPE");
        assertTrue(types.contains(List.<Object>of("int4", 4)) && types.contains(List.<Object>of("numeric", 2)));
        assertFalse(columns(about.getTablePrivileges(null, "shop", "people"), "PRIVILEGE").isEmpty());
        assertEquals("PostgreSQL", about.getDatabaseProductName());
        assertEquals(15, about.getDatabaseMajorVersion());
    }

    @Test
    void aResultSaysWhatItsColumnsAre() throws SQLException {
        try (var statement = connection.prepareStatement("SELECT id, paid, tags, born, feels FROM shop.people WHERE id = ?")) {
            var columns = statement.getMetaData();
            List<String> found = new ArrayList<>();
            for (int at = 1; at <= columns.getColumnCount(); at++) {
                found.add(columns.getColumnLabel(at) + " " + columns.getColumnType(at) + " " + columns.getPrecision(at) + " " + columns.getScale(at));
            }
            assertEquals(List.of("id -5 19 0", "paid 2 12 2", "tags 2003 2147483647 0", "born 91 13 0"), found.subList(0, 4));
            assertEquals(12, columns.getColumnType(5));
            assertEquals(1, statement.getParameterMetaData().getParameterCount());
            assertEquals("int8", statement.getParameterMetaData().getParameterTypeName(1));
        }
    }
}
